import { useLocation } from 'wouter';
import { useDraft } from '../create/DraftProvider';
import { isActive, type Task } from '../gateway/taskStore';
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
          <Icon name="close" /> Cancel
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
          <Icon name="retry" /> Try again
        </button>
      )}
      <button type="button" onClick={() => reuse(task)}>
        <Icon name="copy" /> Use these words again
      </button>
      <ConfirmButton
        trigger={
          <>
            <Icon name="remove" /> Delete
          </>
        }
        question="Delete this task?"
        consequence="Its images and their files go with it, also from boards. There is no way back."
        action="Delete"
        danger
        onConfirm={removeAndNavigate}
      />
    </div>
  );
}
