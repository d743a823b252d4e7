import { Signal } from './signal';

/** What a screen reader says, of what everybody else sees; `id` tells the same text from itself, said again. */
export const announcement = new Signal({ id: 0, text: '' });

export function announce(text: string) {
  announcement.set({ id: announcement.get().id + 1, text });
}
