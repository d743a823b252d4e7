import { useEffect, useState } from 'react';
import type { TaskStatus } from '../../gql/graphql';
import type { Task } from '../gateway/tasks';

const tickMs = 1_000;

interface Progress {
  stage: string;
  /** How long it should still take, in words; empty when nothing is known. */
  left: string;
  /** Seconds, of `total`; a total of null means that nothing is known. */
  elapsed: number;
  total: number | null;
}

/** The way to the expected end, as time passes. */
export function useProgress(task: Task): Progress {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), tickMs);
    return () => clearInterval(timer);
  }, []);
  return progressOf(task, Math.max(now, task.readAt));
}

function progressOf(task: Task, now: number): Progress {
  const stage = stageOf(task);
  if (task.etaSeconds === null) return { stage, left: '', elapsed: 0, total: null };
  const age = Math.max(0, task.readAt - Date.parse(task.createdAt)) / 1000;
  const since = (now - task.readAt) / 1000;
  const left = Math.round(task.etaSeconds - since);
  return {
    stage,
    left: left > 0 ? `about ${left} s left` : 'any moment now',
    elapsed: age + since,
    total: Math.max(age + task.etaSeconds, 1),
  };
}

const stages: Record<TaskStatus, string> = {
  QUEUED: 'Next in line',
  UNCONFIRMED: 'Not confirmed',
  GENERATING: 'Being made',
  STORING: 'Being stored',
  SUCCEEDED: 'Ready',
  FAILED: 'Failed',
  CANCELED: 'Canceled',
};

export function stageOf({ status, queuePosition }: Pick<Task, 'status' | 'queuePosition'>): string {
  return status === 'QUEUED' && queuePosition ? `In line behind ${queuePosition}` : stages[status];
}
