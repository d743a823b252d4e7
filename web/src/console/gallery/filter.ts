import type { TaskFilter, TaskKind, TaskStatus } from '../../gql/graphql';
import type { Task } from '../gateway/taskStore';

/** An empty string means no condition. */
export interface Filter {
  prompt: string;
  status: StatusGroup | '';
  kind: TaskKind | '';
  model: string;
  /** Days in the user's time zone, in the format of `<input type="date">`. */
  from: string;
  to: string;
}

export const noFilter: Filter = { prompt: '', status: '', kind: '', model: '', from: '', to: '' };

/** Statuses that users filter by. */
export const statusGroups = {
  running: ['QUEUED', 'UNCONFIRMED', 'GENERATING', 'STORING'],
  succeeded: ['SUCCEEDED'],
  failed: ['FAILED'],
  canceled: ['CANCELED'],
} satisfies Record<string, TaskStatus[]>;
export type StatusGroup = keyof typeof statusGroups;

export function toInput(filter: Filter): TaskFilter {
  return {
    prompt: filter.prompt || undefined,
    status: filter.status ? statusGroups[filter.status] : undefined,
    kind: filter.kind || undefined,
    model: filter.model || undefined,
    createdAfter: startOf(filter.from, 0),
    createdBefore: startOf(filter.to, 1),
  };
}

/** Applies the gateway's filter to tasks that arrive by events. */
export function matches({ prompt, status, kind, model, createdAt }: Task, filter: TaskFilter): boolean {
  const { createdAfter, createdBefore } = filter;
  return (
    (!filter.prompt || prompt.toLowerCase().includes(filter.prompt.toLowerCase())) &&
    (!filter.status || filter.status.includes(status)) &&
    (!filter.kind || kind === filter.kind) &&
    (!filter.model || model.id === filter.model) &&
    (!createdAfter || createdAt > createdAfter) &&
    (!createdBefore || createdAt < createdBefore)
  );
}

/** Undefined for an invalid day, and for a year with more than four digits, which the gateway rejects. */
function startOf(day: string, daysLater: number): string | undefined {
  const date = new Date(`${day}T00:00:00`);
  date.setDate(date.getDate() + daysLater);
  return date.getFullYear() <= 9999 ? date.toISOString() : undefined;
}
