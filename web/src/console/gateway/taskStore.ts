import type { TaskCardFragment } from '../../gql/graphql';
import { Signal } from '../ui/signal';

/**
 * `readAt` is when this page received the task, in milliseconds of the browser's clock; `etaSeconds` counts from there.
 * `firstReadAt` is when it received the task for the first time.
 */
export type Task = TaskCardFragment & { readAt: number; firstReadAt: number };

/** The loaded tasks, newest first, each in its newest version. */
export class TaskStore {
  readonly all = new Signal<readonly Task[]>([]);
  readonly #deleted = new Set<string>();

  /** Ignores outdated versions: an event can overtake a response. */
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

  /** Permanent: a late response must not bring the task back. */
  remove(id: string) {
    this.#deleted.add(id);
    this.all.set(this.all.get().filter((task) => task.id !== id));
  }
}

export function newestFirst(a: TaskSortKey, b: TaskSortKey): number {
  return compare(b.createdAt, a.createdAt) || compare(b.id, a.id);
}

/** The fields that the history is sorted by. */
export type TaskSortKey = Pick<Task, 'createdAt' | 'id'>;

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

const finishedStatuses: readonly Task['status'][] = ['SUCCEEDED', 'FAILED', 'CANCELED'];

export const isActive = (task: Pick<Task, 'status'>) => !finishedStatuses.includes(task.status);
