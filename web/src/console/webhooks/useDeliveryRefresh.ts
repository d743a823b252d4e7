import { useEffect, useRef } from 'react';
import { useGateway } from '../gateway/gateway';
import { useClock } from '../ui/clock';
import { useSignal } from '../ui/signal';
import { useInterval } from '../ui/useInterval';
import type { Delivery } from './useDeliveries';

const refreshIntervalMs = 5_000;
const soonWithinMs = 60_000;
/** A delivery is created and sent right after the status change of its task. */
const refreshDelaysMs = [500, 3_000];

/**
 * No subscription covers deliveries. They are reloaded while one is about to be sent, and when the status of a task
 * changes.
 */
export function useDeliveryRefresh(refetch: () => void, deliveries: readonly Pick<Delivery, 'nextAttemptAt'>[]) {
  const isSoon = useClock((now) =>
    deliveries.some(({ nextAttemptAt: at }) => at && Date.parse(at) < now + soonWithinMs),
  );
  const tasks = useSignal(useGateway().tasks.all);
  const taskStatusKey = tasks.map(({ id, status }) => id + status).join();
  const lastTaskStatusKey = useRef(taskStatusKey);
  useInterval(refetch, isSoon ? refreshIntervalMs : null);

  useEffect(() => {
    if (lastTaskStatusKey.current === taskStatusKey) return;
    lastTaskStatusKey.current = taskStatusKey;
    const timers = refreshDelaysMs.map((ms) => setTimeout(refetch, ms));
    return () => timers.forEach(clearTimeout);
  }, [taskStatusKey, refetch]);
}
