import { useMemo } from 'react';
import { useEndless } from '../ui/useEndless';
import { useSignal } from '../ui/signal';
import type { Paged } from './paged';

/** At the end of a list that is read page by page: reads on when it is near, or when it is asked to. */
export function ShowMore<Node extends { id: string }>({ list }: { list: Paged<Node> }) {
  const { more, pages, problem } = useSignal(list.shown);
  // Another one after each page: its end may be near the window as well.
  const readOn = useMemo(() => () => void list.showMore(), [list, pages]);
  const end = useEndless<HTMLDivElement>(readOn, more && pages > 0 && problem === null);
  return (
    <div ref={end} className="show-more">
      {problem && (
        <p className="notice bad" role="alert">
          {problem}
        </p>
      )}
      {problem && pages === 0 && (
        <button type="button" onClick={list.read}>
          Try again
        </button>
      )}
      {more && pages > 0 && (
        <button type="button" onClick={list.showMore}>
          Show more
        </button>
      )}
    </div>
  );
}
