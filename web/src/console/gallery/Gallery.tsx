import type { Task } from '../gateway/taskStore';
import { messages } from '../messages';
import { useInfiniteScroll } from '../ui/useInfiniteScroll';
import { TaskTiles } from './TaskTiles';

interface Props {
  tasks: Task[];
  hasMore: boolean;
  loading: boolean;
  errorMessage: string | null;
  loadMore: () => void;
  filtered: boolean;
}

export function Gallery({ tasks, hasMore, loading, errorMessage, loadMore, filtered }: Props) {
  const end = useInfiniteScroll<HTMLDivElement>(loadMore, hasMore && !loading && !errorMessage);
  return (
    <section aria-label={messages.common.images} aria-busy={loading}>
      {tasks.length > 0 && (
        <ul className="gallery">
          {tasks.map((task) => (
            <TaskTiles key={task.id} task={task} />
          ))}
        </ul>
      )}
      {tasks.length === 0 && !loading && !errorMessage && <EmptyGallery filtered={filtered} />}
      {errorMessage && (
        <p className="notice error" role="alert">
          {errorMessage}{' '}
          <button type="button" onClick={loadMore}>
            {messages.common.retry}
          </button>
        </p>
      )}
      <div ref={end} className="list-end">
        {hasMore && (
          <button type="button" className="quiet" aria-busy={loading} onClick={loading ? undefined : loadMore}>
            {loading ? messages.common.loading : messages.common.showMore}
          </button>
        )}
      </div>
    </section>
  );
}

function EmptyGallery({ filtered }: { filtered: boolean }) {
  return <p className="empty">{filtered ? messages.gallery.noMatches : messages.gallery.empty}</p>;
}
