import { useClock } from './clock';
import { formatDateTime, formatTimeAgo, formatTimeUntil } from './formatTime';

interface Props {
  /** A moment, as the gateway writes it. */
  at: string;
}

/** How long ago it was; stays right as time passes. */
export function TimeAgo({ at }: Props) {
  return <Time at={at} text={useClock((now) => formatTimeAgo(at, now))} />;
}

/** When it will be: “in 20 seconds”, “at 14:05”. */
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
