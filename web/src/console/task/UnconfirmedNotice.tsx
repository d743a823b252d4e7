import type { Task } from '../gateway/taskStore';
import { messages } from '../messages';
import { useTaskActions } from './useTaskActions';

/** The provider's answer was lost: whether it has the task is not known, and nobody is charged twice without being asked. */
export function UnconfirmedNotice({ task }: { task: Task }) {
  const { resolve, busy } = useTaskActions(task.id);
  return (
    <div className="stack">
      <p>{messages.task.unconfirmedHint}</p>
      <div className="row">
        <button type="button" aria-busy={busy} onClick={() => resolve('RESUBMIT')}>
          {messages.task.resubmit}
        </button>
        <button type="button" className="quiet" aria-busy={busy} onClick={() => resolve('RELEASE')}>
          {messages.task.release}
        </button>
      </div>
    </div>
  );
}
