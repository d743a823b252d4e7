import type { Task } from '../gateway/taskStore';
import { useTaskActions } from './useTaskActions';

/** The provider's answer was lost: whether it has the task is not known, and nobody is charged twice without being asked. */
export function UnconfirmedNotice({ task }: { task: Task }) {
  const { resolve, busy } = useTaskActions(task.id);
  return (
    <div className="stack">
      <p>
        The provider’s answer was lost; it may or may not be working on it. If it is, the image still arrives here.
        Sending it again may cost twice.
      </p>
      <div className="row">
        <button type="button" aria-busy={busy} onClick={() => resolve('RESUBMIT')}>
          Send it again
        </button>
        <button type="button" className="quiet" aria-busy={busy} onClick={() => resolve('RELEASE')}>
          Give up
        </button>
      </div>
    </div>
  );
}
