import { useEffect, useRef } from 'react';
import { useGateway } from '../gateway/gateway';
import { isActive, type Task } from '../gateway/taskStore';
import { messages } from '../messages';
import { announce, announcement } from '../ui/announcement';
import { useSignal } from '../ui/signal';

const maxAnnounced = 3;

/** Announces finished tasks to screen readers. */
export function Announcer() {
  const tasks = useSignal(useGateway().tasks.all);
  const { id, text } = useSignal(announcement);
  const activeIds = useRef(new Set<string>());

  // Do not show one user's messages to the next one.
  useEffect(() => () => announce(''), []);
  useEffect(() => {
    const finished = tasks.filter((task) => !isActive(task) && activeIds.current.has(task.id));
    activeIds.current = new Set(tasks.filter(isActive).map(({ id }) => id));
    if (finished.length > 0) announce(finished.slice(0, maxAnnounced).map(describeTask).join(' '));
  }, [tasks]);

  return (
    <p className="visually-hidden" aria-live="polite">
      <span key={id}>{text}</span>
    </p>
  );
}

function describeTask({ status, prompt, failure, images }: Task): string {
  const shortPrompt = prompt.slice(0, 80);
  if (status === 'SUCCEEDED') return messages.gallery.finished(shortPrompt, images.length);
  if (status === 'FAILED') return messages.gallery.failed(shortPrompt, failure?.message);
  return messages.gallery.canceled(shortPrompt);
}
