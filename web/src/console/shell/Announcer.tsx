import { useEffect, useRef, useState } from 'react';
import { useGateway } from '../gateway/gateway';
import { isLive, type Task } from '../gateway/tasks';
import { useSignal } from '../ui/signal';

/** Tells people who do not see the gallery what has become of the tasks that they waited for. */
export function Announcer() {
  const tasks = useSignal(useGateway().tasks.all);
  const live = useRef(new Set<string>());
  const [text, setText] = useState('');

  useEffect(() => {
    const news = tasks.filter((task) => live.current.has(task.id) && !isLive(task)).map(describe);
    live.current = new Set(tasks.filter(isLive).map(({ id }) => id));
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
  if (status === 'SUCCEEDED')
    return `${images.length === 1 ? 'The image' : `${images.length} images`} of ${what} can be seen.`;
  if (status === 'FAILED') return `${what} failed: ${failure?.message}`;
  return `${what} was canceled.`;
}
