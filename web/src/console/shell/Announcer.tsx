import { useEffect, useRef, useState } from 'react';
import { useGateway } from '../gateway/gateway';
import { isLive, type Task } from '../gateway/tasks';
import { useSignal } from '../ui/signal';

const mostNews = 3;

/** Tells people who do not see the gallery what has become of the tasks that they waited for. */
export function Announcer() {
  const tasks = useSignal(useGateway().tasks.all);
  const live = useRef<Set<string>>(null);
  const [text, setText] = useState('');

  useEffect(() => {
    const before = live.current;
    const begun = tasks.filter((task) => isLive(task) && before && !before.has(task.id));
    const over = tasks.filter((task) => !isLive(task) && before?.has(task.id));
    live.current = new Set(tasks.filter(isLive).map(({ id }) => id));
    const news = [...begun, ...over].slice(0, mostNews).map(describe);
    if (news.length > 0) setText(news.join(' '));
  }, [tasks]);

  return (
    <p className="unseen" aria-live="polite">
      {text}
    </p>
  );
}

function describe({ status, prompt, failure, images }: Task): string {
  const what = `“${prompt.slice(0, 80)}”`;
  if (isLive({ status })) return `${what} is on its way.`;
  if (status === 'SUCCEEDED')
    return `${images.length === 1 ? 'The image' : `${images.length} images`} of ${what} can be seen.`;
  if (status === 'FAILED') return `${what} failed: ${failure?.message}`;
  return `${what} was canceled.`;
}
