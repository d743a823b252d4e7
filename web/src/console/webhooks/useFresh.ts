import { useEffect, useRef } from 'react';
import { useGateway } from '../gateway/gateway';
import { useClock } from '../ui/clock';
import { useSignal } from '../ui/signal';
import { useInterval } from '../ui/useInterval';
import type { Delivery } from './useDeliveries';

const everyMs = 5_000;
const soonMs = 60_000;
/** A message is written right after the step that it tells of, and sent at once. */
const afterStepMs = [500, 3_000];

/**
 * Deliveries are not pushed: they are read again while one of these is about to be sent, and when one of the viewer's
 * tasks went on.
 */
export function useFresh(refetch: () => void, deliveries: readonly Pick<Delivery, 'nextAttemptAt'>[]) {
  const isSoon = useClock((now) => deliveries.some(({ nextAttemptAt: at }) => at && Date.parse(at) < now + soonMs));
  const tasks = useSignal(useGateway().tasks.all);
  const steps = tasks.map(({ id, status }) => id + status).join();
  const seen = useRef(steps);
  useInterval(refetch, isSoon ? everyMs : null);

  useEffect(() => {
    if (seen.current === steps) return;
    seen.current = steps;
    const timers = afterStepMs.map((ms) => setTimeout(refetch, ms));
    return () => timers.forEach(clearTimeout);
  }, [steps, refetch]);
}
