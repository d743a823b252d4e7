import { useLocation } from 'wouter';
import { useDraft } from '../create/DraftProvider';
import { isActive, type Task } from '../gateway/taskStore';
import { messages } from '../messages';
import { ConfirmButton } from '../ui/ConfirmButton';
import { Icon } from '../ui/Icon';
import { useTaskActions } from './useTaskActions';

export function TaskActions({ task }: { task: Task }) {
  const { retry, cancel, remove, busy } = useTaskActions(task.id);
  const { reuse } = useDraft();
  const [, navigate] = useLocation();
  if (isActive(task)) {
    return (
      <div className="row">
        <button type="button" aria-busy={busy} onClick={cancel}>
          <Icon name="close" /> {messages.common.cancel}
        </button>
      </div>
    );
  }
  const removeAndNavigate = async () => {
    if (await remove()) navigate('/');
  };
  return (
    <div className="row">
      {task.status === 'SUCCEEDED' || task.failure?.retryable === false ? null : (
        <button type="button" aria-busy={busy} onClick={async () => (await retry()) && navigate('/')}>
          <Icon name="retry" /> {messages.common.retry}
        </button>
      )}
      <button type="button" onClick={() => reuse(task)}>
        <Icon name="copy" /> {messages.task.reusePrompt}
      </button>
      <ConfirmButton
        trigger={
          <>
            <Icon name="remove" /> {messages.common.delete}
          </>
        }
        question={messages.task.deleteQuestion}
        consequence={messages.task.deleteConsequence}
        action={messages.common.delete}
        danger
        onConfirm={removeAndNavigate}
      />
    </div>
  );
}
