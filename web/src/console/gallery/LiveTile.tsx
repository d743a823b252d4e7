import { Link } from 'wouter';
import { ratioOf } from '../create/ShapePicker';
import type { Task } from '../gateway/tasks';
import { useTaskActions } from '../task/actions';
import { Unconfirmed } from '../task/Unconfirmed';
import { useProgress } from '../task/progress';
import { Icon } from '../ui/Icon';
import { Tile } from './Tile';

/** A task on its way. */
export function LiveTile({ task }: { task: Task }) {
  const { cancel, busy } = useTaskActions(task.id);
  return (
    <Tile ratio={ratioOf(task.aspectRatio)} className="awaited live">
      <Link href={`/tasks/${task.id}`} className="live-text">
        <span className="live-words">{task.prompt}</span>
      </Link>
      <button
        type="button"
        className="icon-button quiet cancel"
        aria-label={`Cancel “${task.prompt}”`}
        title="Cancel"
        disabled={busy}
        onClick={cancel}
      >
        <Icon name="close" />
      </button>
      {task.status === 'UNCONFIRMED' ? <Unconfirmed task={task} /> : <Progress task={task} />}
    </Tile>
  );
}

/** Where the task stands, and how far it is on the way to its expected end. */
export function Progress({ task }: { task: Task }) {
  const { stage, left, elapsed, total } = useProgress(task);
  return (
    <div className="live-state">
      <p>
        <span>{stage}</span> <span>{left}</span>
      </p>
      <progress aria-label={stage} value={total === null ? undefined : elapsed} max={total ?? undefined} />
    </div>
  );
}
