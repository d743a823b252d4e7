import type { Task } from '../gateway/taskStore';
import { messages } from '../messages';
import { useClock } from '../ui/clock';

interface Progress {
  label: string;
  /** Remaining time as text; empty if unknown. */
  remaining: string;
  /** In seconds. `total` is null if unknown. */
  elapsed: number;
  total: number | null;
}

/** Progress by the browser's clock alone, because it may differ from the gateway's clock. */
export function useProgress(task: Task): Progress {
  const seconds = Number(useClock((now) => Math.max(0, (now - task.readAt) / 1000).toFixed(0)));
  return progressOf(task, seconds);
}

function progressOf(task: Task, seconds: number): Progress {
  const label = statusLabel(task);
  if (task.etaSeconds === null) return { label, remaining: '', elapsed: 0, total: null };
  const secondsBefore = (task.readAt - task.firstReadAt) / 1000;
  const remaining = Math.round(task.etaSeconds - seconds);
  return {
    label,
    remaining: remaining > 0 ? messages.task.secondsLeft(remaining) : messages.task.almostDone,
    elapsed: secondsBefore + seconds,
    total: Math.max(secondsBefore + task.etaSeconds, 1),
  };
}

export function statusLabel({ status, queuePosition }: Pick<Task, 'status' | 'queuePosition'>): string {
  return status === 'QUEUED' ? messages.task.queued(queuePosition ?? 0) : messages.common.taskStatus[status];
}
