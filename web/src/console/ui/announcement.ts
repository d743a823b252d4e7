import { Signal } from './signal';

/** What a screen reader says, of what everybody else sees. */
export const announcement = new Signal('');

export const announce = (text: string) => announcement.set(text);
