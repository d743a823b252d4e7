import type { Task } from '../gateway/taskStore';
import { useProgress } from './stages';

/** Where the task stands, and how far it is on the way to its expected end. */
export function Progress({ task }: { task: Task }) {
  const { stage, left, elapsed, total } = useProgress(task);
  return (
    <div className="live-state">
      <p>
        <span>{stage}</span> <span>{left}</span>
      </p>
      <progress aria-label={stage} value={total === null ? undefined : elapsed} max={total ?? undefined} />
    </div>
  );
}
