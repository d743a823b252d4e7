import type { TaskFilter, TaskKind, TaskStatus } from '../../gql/graphql';
import type { Task } from '../gateway/taskStore';

/** What the gallery shows; empty texts leave a condition out. */
export interface Filter {
  prompt: string;
  status: StatusGroup | '';
  kind: TaskKind | '';
  model: string;
  /** Days, as `<input type="date">` writes them, in the user's own time zone. */
  from: string;
  to: string;
}

export const noFilter: Filter = { prompt: '', status: '', kind: '', model: '', from: '', to: '' };

/** The statuses as people tell them apart. */
export const statusGroups = {
  running: ['QUEUED', 'UNCONFIRMED', 'GENERATING', 'STORING'],
  succeeded: ['SUCCEEDED'],
  failed: ['FAILED'],
  canceled: ['CANCELED'],
} satisfies Record<string, TaskStatus[]>;
export type StatusGroup = keyof typeof statusGroups;

/** As the gateway filters. */
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

/** The same, for what is pushed. */
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

/** Nothing for what is no day, or none that the gateway can write: years have four digits. */
function startOf(day: string, daysLater: number): string | undefined {
  const date = new Date(`${day}T00:00:00`);
  date.setDate(date.getDate() + daysLater);
  return date.getFullYear() <= 9999 ? date.toISOString() : undefined;
}
