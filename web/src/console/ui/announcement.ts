import { Signal } from './signal';

/** Text for screen readers. The `id` makes sure that a repeated text is announced again. */
export const announcement = new Signal({ id: 0, text: '' });

export function announce(text: string) {
  announcement.set({ id: announcement.get().id + 1, text });
}
