import { useState, type SyntheticEvent } from 'react';

/**
 * Runs an async event handler, one call at a time. Show `busy` with `aria-busy`: a disabled button would lose the
 * focus.
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
