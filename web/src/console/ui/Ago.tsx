import { useClock } from './clock';
import { inFull, since, until } from './times';

interface Props {
  /** A moment, as the gateway writes it. */
  at: string;
}

/** How long ago it was; stays right as time passes. */
export function Ago({ at }: Props) {
  return <Time at={at} text={useClock((now) => since(at, now))} />;
}

/** When it will be: “in 20 seconds”, “at 14:05”. */
export function Until({ at }: Props) {
  return <Time at={at} text={useClock((now) => until(at, now))} />;
}

function Time({ at, text }: Props & { text: string }) {
  return (
    <time dateTime={at} title={inFull(at)}>
      {text}
    </time>
  );
}
