import { useEffect, useRef } from 'react';

/** Runs the action at this interval while the page is visible, and whenever it becomes visible again. Null stops it. */
export function useInterval(action: () => void, ms: number | null) {
  const latest = useRef(action);
  useEffect(() => {
    latest.current = action;
  });
  useEffect(() => {
    if (ms === null) return;
    const run = () => {
      if (!document.hidden) latest.current();
    };
    const timer = setInterval(run, ms);
    document.addEventListener('visibilitychange', run);
    return () => {
      clearInterval(timer);
      document.removeEventListener('visibilitychange', run);
    };
  }, [ms]);
}
