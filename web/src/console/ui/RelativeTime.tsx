import { useClock } from './clock';
import { formatDateTime, formatTimeAgo, formatTimeUntil } from './formatTime';

interface Props {
  /** RFC 3339 timestamp. */
  at: string;
}

/** “3 minutes ago”; updates as time passes. */
export function TimeAgo({ at }: Props) {
  return <Time at={at} text={useClock((now) => formatTimeAgo(at, now))} />;
}

/** “in 20 seconds” or “at 14:05”; updates as time passes. */
export function TimeUntil({ at }: Props) {
  return <Time at={at} text={useClock((now) => formatTimeUntil(at, now))} />;
}

function Time({ at, text }: Props & { text: string }) {
  return (
    <time dateTime={at} title={formatDateTime(at)}>
      {text}
    </time>
  );
}
