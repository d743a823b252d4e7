import { locale, messages } from '../messages';

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

const relative = new Intl.RelativeTimeFormat(locale, { numeric: 'always' });
const full = new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeStyle: 'medium' });
const clock = new Intl.DateTimeFormat(locale, { timeStyle: 'short' });
const date = new Intl.DateTimeFormat(locale, { dateStyle: 'medium' });

export const formatDateTime = (at: string) => full.format(new Date(at));

/** A time in the future counts as now, because clocks differ. */
export function formatTimeAgo(at: string, now: number): string {
  const ms = now - Date.parse(at);
  if (ms < 45 * second) return messages.time.justNow;
  if (ms < 45 * minute) return relative.format(-Math.round(ms / minute), 'minute');
  if (ms < 22 * hour) return relative.format(-Math.round(ms / hour), 'hour');
  if (ms < 7 * day) return relative.format(-Math.max(1, Math.round(ms / day)), 'day');
  return date.format(new Date(at));
}

export function formatTimeUntil(at: string, now: number): string {
  const ms = Date.parse(at) - now;
  if (ms <= 0) return messages.time.soon;
  if (ms < minute) return relative.format(Math.ceil(ms / second), 'second');
  if (ms < 10 * minute) return relative.format(Math.round(ms / minute), 'minute');
  if (ms < 12 * hour) return messages.time.at(clock.format(new Date(at)));
  return messages.time.on(full.format(new Date(at)));
}
