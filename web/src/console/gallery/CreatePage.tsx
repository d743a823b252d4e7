import { useLayoutEffect } from 'react';
import { Composer } from '../create/Composer';
import { messages } from '../messages';
import { noFilter } from './filter';
import { Filters } from './Filters';
import { Gallery } from './Gallery';
import { useHistory } from './HistoryProvider';

export function CreatePage() {
  const { filter, setFilter, scrollPosition, ...history } = useHistory();
  useRestoredScroll(scrollPosition);
  return (
    <div className="page">
      <title>{messages.common.product}</title>
      <h1 className="visually-hidden">{messages.create.heading}</h1>
      {/* A filter might hide the new task. */}
      <Composer onSubmit={() => setFilter(noFilter)} />
      <Filters filter={filter} onChange={setFilter} />
      <Gallery {...history} />
    </div>
  );
}

function useRestoredScroll(scrollPosition: { current: number }) {
  useLayoutEffect(() => {
    scrollTo(0, scrollPosition.current);
    return () => {
      scrollPosition.current = scrollY;
    };
  }, [scrollPosition]);
}
