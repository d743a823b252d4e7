import type { Task } from '../gateway/taskStore';
import { messages } from '../messages';
import { useTaskActions } from './useTaskActions';

/** Asks what to do when the response to a submission was lost: resubmitting automatically could let the provider charge the operator twice. */
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
