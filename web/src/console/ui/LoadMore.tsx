import { useMemo } from 'react';
import type { PaginatedList } from '../gateway/paginatedList';
import { messages } from '../messages';
import { useSignal } from './signal';
import { useInfiniteScroll } from './useInfiniteScroll';

interface Props<Node extends { id: string }> {
  list: PaginatedList<Node>;
  /** Loads the next page automatically when the end of the list is near the viewport. */
  infinite?: boolean;
}

/** Loads the next page of a list, or retries after an error. */
export function LoadMore<Node extends { id: string }>({ list, infinite = false }: Props<Node>) {
  const { hasMore, pages, errorMessage } = useSignal(list.state);
  const canLoadMore = hasMore && pages > 0;
  // A new function per page, so that the observer fires again if the end is still near the viewport.
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
