import { useEffect, useRef } from 'react';
import { useGateway } from '../gateway/gateway';
import { isLive, type Task } from '../gateway/taskStore';
import { announce, announcement } from '../ui/announcement';
import { useSignal } from '../ui/signal';

const mostNews = 3;

/** Tells people who do not see the gallery what has become of the tasks that they waited for. */
export function Announcer() {
  const tasks = useSignal(useGateway().tasks.all);
  const { id, text } = useSignal(announcement);
  const live = useRef(new Set<string>());

  // What was said to one user is not for the next.
  useEffect(() => () => announce(''), []);
  useEffect(() => {
    const over = tasks.filter((task) => !isLive(task) && live.current.has(task.id));
    live.current = new Set(tasks.filter(isLive).map(({ id }) => id));
    if (over.length > 0) announce(over.slice(0, mostNews).map(describe).join(' '));
  }, [tasks]);

  return (
    <p className="visually-hidden" aria-live="polite">
      <span key={id}>{text}</span>
    </p>
  );
}

function describe({ status, prompt, failure, images }: Task): string {
  const what = `“${prompt.slice(0, 80)}”`;
  if (status === 'SUCCEEDED')
    return `${images.length === 1 ? 'The image' : `${images.length} images`} of ${what} can be seen.`;
  if (status === 'FAILED') return `${what} failed: ${failure?.message}`;
  return `${what} was canceled.`;
}
