import { useEffect, useRef } from 'react';

/** Attach the returned ref to the end of a list: `onReached` is called when it comes near the viewport. */
export function useInfiniteScroll<E extends Element>(onReached: () => void, ready: boolean) {
  const end = useRef<E>(null);
  useEffect(() => {
    if (!ready || !end.current) return;
    const observer = new IntersectionObserver(
      ([entry]) => {
        if (entry?.isIntersecting) onReached();
      },
      { rootMargin: '600px' },
    );
    observer.observe(end.current);
    return () => observer.disconnect();
  }, [onReached, ready]);
  return end;
}
