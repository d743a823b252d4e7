import type { CombinedError } from '@urql/core';
import { NodesDocument, TaskEventsDocument, type TaskCardFragment } from '../../gql/graphql';
import type { Gateway } from './gateway';

const queuePositionIntervalMs = 4_000;
const batchWindowMs = 30;
const maxNodeIds = 100;

/**
 * Keeps `gateway.tasks` up to date, from this cursor on. Lists must be loaded after the cursor was read; otherwise
 * events between the two are missed. Calls `onCursorExpired` when the event log no longer reaches back to the cursor;
 * then everything has to be loaded again.
 */
export function subscribeToTaskEvents(gateway: Gateway, cursor: string, onCursorExpired: () => void): () => void {
  // Updated with every event: after a reconnect, graphql-ws sends the same object, which then names the last event.
  const variables = { after: cursor };
  const merge = batched<TaskCardFragment>((tasks) => gateway.tasks.merge(tasks));
  const events = gateway.client.subscription(TaskEventsDocument, variables).subscribe(({ data, error }) => {
    // With an error, urql passes the last data again.
    if (error && isCursorExpired(error)) return onCursorExpired();
    if (!data) return;
    variables.after = data.taskEvents.cursor;
    merge(data.taskEvents.task);
  });
  const stopPolling = pollQueuePositions(gateway);
  return () => {
    events.unsubscribe();
    stopPolling();
  };
}

function isCursorExpired(error: CombinedError): boolean {
  return error.graphQLErrors.some(({ extensions }) => extensions?.code === 'BAD_USER_INPUT');
}

/** Thousands of events can arrive after a long absence: render once per batch. */
function batched<T>(handle: (items: T[]) => void): (item: T) => void {
  let batch: T[] = [];
  return (item) => {
    if (batch.push(item) > 1) return;
    setTimeout(() => {
      handle(batch);
      batch = [];
    }, batchWindowMs);
  };
}

/** Other tasks change the queue position, which triggers no event for this task. */
function pollQueuePositions(gateway: Gateway): () => void {
  let timer: ReturnType<typeof setTimeout>;
  let stopped = false;
  const poll = async () => {
    await refreshQueuePositions(gateway);
    if (!stopped) timer = setTimeout(poll, queuePositionIntervalMs);
  };
  timer = setTimeout(poll, queuePositionIntervalMs);
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}

/** Refreshes the oldest queued tasks. */
async function refreshQueuePositions(gateway: Gateway) {
  if (document.hidden || gateway.connection.get().state !== 'open') return;
  const waiting = gateway.tasks.all.get().filter(({ status }) => status === 'QUEUED');
  const ids = waiting.map(({ id }) => id).slice(-maxNodeIds);
  if (ids.length > 0) await refetchNodes(gateway, ids);
}

/** Loads the task of an image again, which signs new URLs. Removes the image if it was deleted elsewhere. */
export async function refetchImage(gateway: Gateway, id: string) {
  const found = await refetchNodes(gateway, [id]);
  if (found?.[0] === undefined && found) gateway.tasks.removeImage(id);
}

async function refetchNodes(gateway: Gateway, ids: string[]): Promise<(TaskCardFragment | undefined)[] | undefined> {
  const { data } = await gateway.client.query(NodesDocument, { ids });
  const found = data?.nodes.map(taskOf);
  if (found) gateway.tasks.merge(found.filter((task) => task !== undefined));
  return found;
}

type Node = { task: TaskCardFragment } | TaskCardFragment | object | null;

function taskOf(node: Node): TaskCardFragment | undefined {
  if (node && 'task' in node) return node.task;
  return node && 'version' in node ? node : undefined;
}
