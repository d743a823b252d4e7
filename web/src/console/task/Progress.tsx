import type { Task } from '../gateway/taskStore';
import { useProgress } from './useProgress';

/** The status of a task and the progress towards its expected end. */
export function Progress({ task }: { task: Task }) {
  const { label, remaining, elapsed, total } = useProgress(task);
  return (
    <div className="task-progress">
      <p>
        <span>{label}</span> <span>{remaining}</span>
      </p>
      <progress aria-label={label} value={total === null ? undefined : elapsed} max={total ?? undefined} />
    </div>
  );
}
