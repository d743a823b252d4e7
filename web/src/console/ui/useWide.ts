import { useSyncExternalStore } from 'react';

/** As wide as the sidebar needs; the same as in shell.css. */
const wide = matchMedia('(min-width: 56.01rem)');

function watch(changed: () => void) {
  wide.addEventListener('change', changed);
  return () => wide.removeEventListener('change', changed);
}

export const useWide = () => useSyncExternalStore(watch, () => wide.matches);
