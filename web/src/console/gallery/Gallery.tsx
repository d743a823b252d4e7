import type { Task } from '../gateway/taskStore';
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
    <section aria-label="Images" aria-busy={loading}>
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
            Read again
          </button>
        </p>
      )}
      <div ref={end} className="list-end">
        {hasMore && (
          <button type="button" className="quiet" aria-busy={loading} onClick={loading ? undefined : loadMore}>
            {loading ? 'Reading …' : 'Show more'}
          </button>
        )}
      </div>
    </section>
  );
}

function EmptyGallery({ filtered }: { filtered: boolean }) {
  return (
    <p className="empty">
      {filtered
        ? 'Nothing was made that fits these filters.'
        : 'Nothing yet. Say what you would like to see, and it appears here.'}
    </p>
  );
}
