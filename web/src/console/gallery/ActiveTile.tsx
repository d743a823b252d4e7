import { useId } from 'react';
import { Link } from 'wouter';
import type { Task } from '../gateway/taskStore';
import { messages } from '../messages';
import { Progress } from '../task/Progress';
import { UnconfirmedNotice } from '../task/UnconfirmedNotice';
import { useTaskActions } from '../task/useTaskActions';
import { parseAspectRatio } from '../ui/aspectRatio';
import { IconButton } from '../ui/IconButton';
import { Tile } from './Tile';

/** A task that is not finished. */
export function ActiveTile({ task }: { task: Task }) {
  const promptId = useId();
  const { cancel, busy } = useTaskActions(task.id);
  return (
    <Tile ratio={parseAspectRatio(task.aspectRatio)} className="pending active">
      <Link href={`/tasks/${task.id}`} className="prompt-link">
        <span id={promptId} className="prompt-text">
          {task.prompt}
        </span>
      </Link>
      <IconButton
        icon="close"
        className="quiet cancel"
        label={messages.common.cancel}
        describedBy={promptId}
        title={messages.common.cancel}
        busy={busy}
        onClick={cancel}
      />
      {task.status === 'UNCONFIRMED' ? <UnconfirmedNotice task={task} /> : <Progress task={task} />}
    </Tile>
  );
}
