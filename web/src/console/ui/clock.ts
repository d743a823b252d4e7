import { useSyncExternalStore } from 'react';

const watchers = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

/** One timer for everything that changes as time passes, and none while nothing does. */
function watch(tick: () => void): () => void {
  watchers.add(tick);
  timer ??= setInterval(() => watchers.forEach((each) => each()), 1_000);
  return () => {
    watchers.delete(tick);
    if (watchers.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

/** What `read` says of the present moment; the component renders again only when that changes. */
export function useClock<T extends string | boolean>(read: (now: number) => T): T {
  return useSyncExternalStore(watch, () => read(Date.now()));
}
