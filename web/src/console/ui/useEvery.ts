import { useEffect, useRef } from 'react';

/** Does it again and again while it is wanted and somebody looks at the page; null stops it. */
export function useEvery(ms: number | null, action: () => void) {
  const latest = useRef(action);
  useEffect(() => {
    latest.current = action;
  });
  useEffect(() => {
    if (ms === null) return;
    const timer = setInterval(() => {
      if (!document.hidden) latest.current();
    }, ms);
    return () => clearInterval(timer);
  }, [ms]);
}
