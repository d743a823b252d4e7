import { useLayoutEffect } from 'react';
import { Composer } from '../create/Composer';
import { Filters } from './Filters';
import { everything } from './filter';
import { Gallery } from './Gallery';
import { useHistory } from './history';

/** Where images are asked for and seen to arrive, with all that were made before. */
export function StudioPage() {
  const { filter, setFilter, scrolled, ...history } = useHistory();
  useScrollAsLeft(scrolled);
  return (
    <div className="page">
      <title>Plantain</title>
      <h1 className="visually-hidden">Create images</h1>
      {/* What was asked for is to be seen. */}
      <Composer onSubmit={() => setFilter(everything)} />
      <Filters filter={filter} onChange={setFilter} />
      <Gallery {...history} />
    </div>
  );
}

function useScrollAsLeft(scrolled: { current: number }) {
  useLayoutEffect(() => {
    scrollTo(0, scrolled.current);
    return () => {
      scrolled.current = scrollY;
    };
  }, [scrolled]);
}
