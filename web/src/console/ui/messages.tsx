import { useEffect } from 'react';
import { IconButton } from './IconButton';
import { Signal, useSignal } from './signal';

interface Message {
  text: string;
  kind: 'good' | 'bad';
}

const message = new Signal<Message | null>(null);
const shownForMs = 8_000;

/** Tells what became of something that was done, where there is no better place for it. */
export function say(text: string, kind: Message['kind'] = 'good') {
  message.set({ text, kind });
}

export function Messages() {
  const shown = useSignal(message);
  // What was said to one user is not for the next.
  useEffect(() => () => message.set(null), []);
  useEffect(() => {
    if (shown?.kind !== 'good') return;
    const timer = setTimeout(() => message.set(null), shownForMs);
    return () => clearTimeout(timer);
  }, [shown]);

  return (
    <div className="messages" role="status">
      {shown && (
        <p className={`message ${shown.kind}`}>
          {shown.text}
          <IconButton icon="close" name="Dismiss" onClick={() => message.set(null)} />
        </p>
      )}
    </div>
  );
}
