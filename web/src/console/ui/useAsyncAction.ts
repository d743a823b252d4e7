import { useState, type SyntheticEvent } from 'react';

/**
 * What a button or form does, once at a time. Say `busy` with `aria-busy`: a button that is disabled meanwhile would
 * lose the focus.
 */
export function useAsyncAction(work: () => Promise<unknown>) {
  const [busy, setBusy] = useState(false);
  const run = async (event: SyntheticEvent) => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    await work();
    setBusy(false);
  };
  return [run, busy] as const;
}
