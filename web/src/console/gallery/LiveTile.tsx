import { Link } from 'wouter';
import { ratioOf } from '../ui/ratio';
import type { Task } from '../gateway/tasks';
import { useTaskActions } from '../task/actions';
import { Unconfirmed } from '../task/Unconfirmed';
import { Progress } from '../task/Progress';
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
        aria-busy={busy}
        onClick={cancel}
      >
        <Icon name="close" />
      </button>
      {task.status === 'UNCONFIRMED' ? <Unconfirmed task={task} /> : <Progress task={task} />}
    </Tile>
  );
}
