import { useMemo } from 'react';
import type { Paged } from '../gateway/paged';
import { useSignal } from './signal';
import { useInfiniteScroll } from './useInfiniteScroll';

interface Props<Node extends { id: string }> {
  list: Paged<Node>;
  /** Also reads on by itself when the end is near: for what stands last on its page. */
  infinite?: boolean;
}

/** At the end of a list that is read page by page: reads on, or again when that failed. */
export function LoadMore<Node extends { id: string }>({ list, infinite = false }: Props<Node>) {
  const { more, pages, problem } = useSignal(list.shown);
  const canShowMore = more && pages > 0;
  // Another one after each page: its end may be near the window as well.
  const readOn = useMemo(() => () => void list.showMore(), [list, pages]);
  const end = useInfiniteScroll<HTMLDivElement>(readOn, infinite && canShowMore && problem === null);
  return (
    <div ref={end} className="load-more">
      {problem && (
        <p className="notice error" role="alert">
          {problem}
        </p>
      )}
      {(problem || canShowMore) && (
        <button type="button" onClick={problem ? list.read : list.showMore}>
          {problem ? 'Try again' : 'Show more'}
        </button>
      )}
    </div>
  );
}
