import { useEffect } from 'react';
import { messages } from '../messages';
import { IconButton } from './IconButton';
import { Signal, useSignal } from './signal';

interface Toast {
  text: string;
  tone: 'success' | 'error';
}

const toast = new Signal<Toast | null>(null);
const shownForMs = 8_000;

/** Shows the result of an action for which the page has no status element. */
export function showToast(text: string, tone: Toast['tone'] = 'success') {
  toast.set({ text, tone });
}

export function Toaster() {
  const shown = useSignal(toast);
  // Do not show one user's messages to the next one.
  useEffect(() => () => toast.set(null), []);
  useEffect(() => {
    if (shown?.tone !== 'success') return;
    const timer = setTimeout(() => toast.set(null), shownForMs);
    return () => clearTimeout(timer);
  }, [shown]);

  return (
    <div className="toaster" role="status">
      {shown && (
        <p className={`toast ${shown.tone}`}>
          {shown.text}
          <IconButton icon="close" label={messages.shell.dismiss} onClick={() => toast.set(null)} />
        </p>
      )}
    </div>
  );
}
