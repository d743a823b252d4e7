import { useId } from 'react';
import { Link } from 'wouter';
import { parseAspectRatio } from '../ui/aspectRatio';
import type { Task } from '../gateway/taskStore';
import { useTaskActions } from '../task/actions';
import { Unconfirmed } from '../task/Unconfirmed';
import { Progress } from '../task/Progress';
import { IconButton } from '../ui/IconButton';
import { Tile } from './Tile';

/** A task on its way. */
export function LiveTile({ task }: { task: Task }) {
  const words = useId();
  const { cancel, busy } = useTaskActions(task.id);
  return (
    <Tile ratio={parseAspectRatio(task.aspectRatio)} className="awaited live">
      <Link href={`/tasks/${task.id}`} className="live-text">
        <span id={words} className="live-words">
          {task.prompt}
        </span>
      </Link>
      <IconButton
        icon="close"
        className="quiet cancel"
        label="Cancel"
        describedBy={words}
        title="Cancel"
        busy={busy}
        onClick={cancel}
      />
      {task.status === 'UNCONFIRMED' ? <Unconfirmed task={task} /> : <Progress task={task} />}
    </Tile>
  );
}
