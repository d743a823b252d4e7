import { useMemo } from 'react';
import type { PaginatedList } from '../gateway/paginatedList';
import { messages } from '../messages';
import { useSignal } from './signal';
import { useInfiniteScroll } from './useInfiniteScroll';

interface Props<Node extends { id: string }> {
  list: PaginatedList<Node>;
  /** Also reads on by itself when the end is near: for what stands last on its page. */
  infinite?: boolean;
}

/** At the end of a list that is read page by page: reads on, or again when that failed. */
export function LoadMore<Node extends { id: string }>({ list, infinite = false }: Props<Node>) {
  const { hasMore, pages, errorMessage } = useSignal(list.state);
  const canLoadMore = hasMore && pages > 0;
  // Another one after each page: its end may be near the window as well.
  const loadMore = useMemo(() => () => void list.loadMore(), [list, pages]);
  const end = useInfiniteScroll<HTMLDivElement>(loadMore, infinite && canLoadMore && errorMessage === null);
  return (
    <div ref={end} className="load-more">
      {errorMessage && (
        <p className="notice error" role="alert">
          {errorMessage}
        </p>
      )}
      {(errorMessage || canLoadMore) && (
        <button type="button" onClick={errorMessage ? list.reload : list.loadMore}>
          {errorMessage ? messages.common.retry : messages.common.showMore}
        </button>
      )}
    </div>
  );
}
