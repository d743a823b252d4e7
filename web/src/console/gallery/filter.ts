import type { TaskFilter, TaskKind, TaskStatus } from '../../gql/graphql';
import type { Task } from '../gateway/taskStore';

/** What the gallery shows; empty texts leave a condition out. */
export interface Filter {
  words: string;
  status: Standing | '';
  kind: TaskKind | '';
  model: string;
  /** Days, as `<input type="date">` writes them, in the user's own time zone. */
  from: string;
  to: string;
}

export const everything: Filter = { words: '', status: '', kind: '', model: '', from: '', to: '' };

/** The statuses as people tell them apart. */
export const standings = {
  running: ['QUEUED', 'UNCONFIRMED', 'GENERATING', 'STORING'],
  ready: ['SUCCEEDED'],
  failed: ['FAILED'],
  canceled: ['CANCELED'],
} satisfies Record<string, TaskStatus[]>;
export type Standing = keyof typeof standings;

/** As the gateway filters. */
export function toInput(filter: Filter): TaskFilter {
  return {
    prompt: filter.words || undefined,
    status: filter.status ? standings[filter.status] : undefined,
    kind: filter.kind || undefined,
    model: filter.model || undefined,
    createdAfter: startOf(filter.from, 0),
    createdBefore: startOf(filter.to, 1),
  };
}

/** The same, for what is pushed. */
export function matches({ prompt, status, kind, model, createdAt }: Task, wanted: TaskFilter): boolean {
  const { createdAfter, createdBefore } = wanted;
  return (
    (!wanted.prompt || prompt.toLowerCase().includes(wanted.prompt.toLowerCase())) &&
    (!wanted.status || wanted.status.includes(status)) &&
    (!wanted.kind || kind === wanted.kind) &&
    (!wanted.model || model.id === wanted.model) &&
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
