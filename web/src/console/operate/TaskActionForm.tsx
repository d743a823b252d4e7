import { useState } from 'react';
import type { AllTasksFilter } from '../../gql/graphql';
import { messages } from '../messages';
import { ConfirmButton } from '../ui/ConfirmButton';
import { formatCredits } from '../ui/formatCredits';
import { showToast } from '../ui/Toaster';
import { useAsyncAction } from '../ui/useAsyncAction';
import { taskActions, useTaskAction, type Changed, type TaskAction } from './useTaskAction';

interface Props {
  filter: AllTasksFilter;
  /** Without a filter, every task would be changed. */
  disabled: boolean;
  onChanged: () => void;
}

/** Counts the tasks that match first; then the action can be confirmed. */
export function TaskActionForm({ filter, disabled, onChanged }: Props) {
  const act = useTaskAction();
  const [action, setAction] = useState<TaskAction>('cancel');
  const [counted, setCounted] = useState<Changed | string>();
  const [count, busy] = useAsyncAction(async () => setCounted(await act(action, filter, true)));
  const choose = (next: TaskAction) => {
    setAction(next);
    setCounted(undefined);
  };
  const confirm = async () => {
    const changed = await act(action, filter, false);
    if (typeof changed === 'string') return changed;
    showToast(messages.operate.changed(changed.changed, changed.hasMore));
    setCounted(undefined);
    onChanged();
  };
  return (
    <div className="row" role="group" aria-label={messages.operate.actOnAll}>
      <label className="row">
        {messages.operate.action}
        <select value={action} onChange={(event) => choose(event.target.value as TaskAction)}>
          {taskActions.map((each) => (
            <option key={each} value={each}>
              {messages.operate.actions[each]}
            </option>
          ))}
        </select>
      </label>
      <button type="button" disabled={disabled} aria-busy={busy} onClick={count}>
        {messages.operate.count}
      </button>
      {disabled && <span className="hint">{messages.operate.filterFirst}</span>}
      {typeof counted === 'string' && <span role="alert">{counted}</span>}
      {typeof counted === 'object' && (
        <>
          <span role="status">
            {messages.operate.counted(counted.matched, counted.hasMore, formatCredits(counted.credits))}
          </span>
          {counted.matched > 0 && (
            <ConfirmButton
              trigger={messages.operate.actOn(messages.operate.actions[action], counted.matched)}
              className="danger"
              question={messages.operate.actQuestion(messages.operate.actions[action], counted.matched)}
              consequence={messages.operate.consequences[action]}
              action={messages.operate.actions[action]}
              onConfirm={confirm}
              danger
            />
          )}
        </>
      )}
    </div>
  );
}
