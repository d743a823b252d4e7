import { useId } from 'react';
import { Link } from 'wouter';
import { useDraft } from '../create/DraftProvider';
import type { Task } from '../gateway/taskStore';
import { useTaskActions } from '../task/useTaskActions';
import { Icon } from '../ui/Icon';
import { IconButton } from '../ui/IconButton';
import { Tile } from './Tile';

/** A task that ended without an image: why, and what can be done about it. */
export function FailedTile({ task }: { task: Task }) {
  const promptId = useId();
  const { retry, remove, busy } = useTaskActions(task.id);
  const { reuse } = useDraft();
  const canRetry = task.failure?.retryable ?? true;
  return (
    <Tile ratio={1.1} className={task.status === 'FAILED' ? 'failed' : 'canceled'}>
      <Link href={`/tasks/${task.id}`} id={promptId} className="prompt-text">
        {task.prompt}
      </Link>
      <p className="failure">
        <Icon name={task.failure ? 'warning' : 'close'} />
        <span>
          <strong>{task.failure?.message ?? 'Canceled.'}</strong> {task.failure?.advice}
        </span>
      </p>
      <div className="row">
        {canRetry && (
          <button type="button" aria-busy={busy} onClick={retry}>
            <Icon name="retry" /> Try again
          </button>
        )}
        <button type="button" className="quiet" onClick={() => reuse(task)}>
          Change it
        </button>
        <IconButton
          icon="remove"
          className="quiet"
          label="Delete"
          describedBy={promptId}
          title="Delete"
          busy={busy}
          onClick={remove}
        />
      </div>
    </Tile>
  );
}
