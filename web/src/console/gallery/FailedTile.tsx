import { useId } from 'react';
import { Link } from 'wouter';
import { useDraft } from '../create/DraftProvider';
import type { Task } from '../gateway/taskStore';
import { messages } from '../messages';
import { useTaskActions } from '../task/useTaskActions';
import { Icon } from '../ui/Icon';
import { IconButton } from '../ui/IconButton';
import { Tile } from './Tile';

/** A task that failed or was canceled, with the reason and what to do next. */
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
          <strong>{task.failure?.message ?? messages.common.taskStatus.CANCELED}</strong> {task.failure?.advice}
        </span>
      </p>
      <div className="row">
        {canRetry && (
          <button type="button" aria-busy={busy} onClick={retry}>
            <Icon name="retry" /> {messages.common.retry}
          </button>
        )}
        <button type="button" className="quiet" onClick={() => reuse(task)}>
          {messages.gallery.editAndRetry}
        </button>
        <IconButton
          icon="remove"
          className="quiet"
          label={messages.common.delete}
          describedBy={promptId}
          title={messages.common.delete}
          busy={busy}
          onClick={remove}
        />
      </div>
    </Tile>
  );
}
