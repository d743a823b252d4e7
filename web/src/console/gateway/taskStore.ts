import type { TaskCardFragment } from '../../gql/graphql';
import { Signal } from '../ui/signal';

/**
 * `readAt`: when this page got it, by its own clock, in milliseconds; `etaSeconds` counts from there. `firstReadAt`:
 * when it first did.
 */
export type Task = TaskCardFragment & { readAt: number; firstReadAt: number };

/** The viewer's tasks as far as this page knows them: each once, in its newest version, the newest task first. */
export class TaskStore {
  readonly all = new Signal<readonly Task[]>([]);
  readonly #deleted = new Set<string>();

  /** An answer may be older than an event that overtook it: what is older changes nothing. */
  merge(read: readonly TaskCardFragment[]) {
    const tasksById = new Map(this.all.get().map((task) => [task.id, task]));
    const readAt = Date.now();
    for (const task of read) {
      const before = tasksById.get(task.id);
      if (this.#deleted.has(task.id) || (before && before.version > task.version)) continue;
      tasksById.set(task.id, { ...task, readAt, firstReadAt: before?.firstReadAt ?? readAt });
    }
    this.all.set([...tasksById.values()].sort(newestFirst));
  }

  removeImage(id: string) {
    const without = (task: Task) => ({ ...task, images: task.images.filter((image) => image.id !== id) });
    this.all.set(this.all.get().map((task) => (task.images.some((image) => image.id === id) ? without(task) : task)));
  }

  /** For good: no late answer brings it back. */
  remove(id: string) {
    this.#deleted.add(id);
    this.all.set(this.all.get().filter((task) => task.id !== id));
  }
}

export function newestFirst(a: TaskSortKey, b: TaskSortKey): number {
  return compare(b.createdAt, a.createdAt) || compare(b.id, a.id);
}

/** Where a task stands in the history. */
export type TaskSortKey = Pick<Task, 'createdAt' | 'id'>;

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

const finishedStatuses: readonly Task['status'][] = ['SUCCEEDED', 'FAILED', 'CANCELED'];

export const isActive = (task: Pick<Task, 'status'>) => !finishedStatuses.includes(task.status);
