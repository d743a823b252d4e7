import type { CombinedError } from '@urql/core';
import { NodesDocument, TaskEventsDocument, type TaskCardFragment } from '../../gql/graphql';
import type { Gateway } from './gateway';

const queuePositionIntervalMs = 4_000;
const batchWindowMs = 30;
const maxNodeIds = 100;

/**
 * Keeps `gateway.tasks` up to date from this cursor on. The list is read after the cursor, so that between the two
 * nothing is missed. `onCursorExpired`: the log no longer reaches back to the cursor, and all must be read anew.
 */
export function subscribeToTaskEvents(gateway: Gateway, cursor: string, onCursorExpired: () => void): () => void {
  // Written into each request anew: after a lost connection it names the last event that was seen, not the first.
  const variables = { after: cursor };
  const merge = batched<TaskCardFragment>((tasks) => gateway.tasks.merge(tasks));
  const events = gateway.client.subscription(TaskEventsDocument, variables).subscribe(({ data, error }) => {
    // With an error, urql hands over the last event once more.
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

/** After a long absence events come by the thousand: the page is drawn once for many. */
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

/** A place in the queue changes by what others do, which is no event of the task's own. */
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

/** Those that are next in line, if there are many. */
async function refreshQueuePositions(gateway: Gateway) {
  if (document.hidden || gateway.connection.get().state !== 'open') return;
  const waiting = gateway.tasks.all.get().filter(({ status }) => status === 'QUEUED');
  const ids = waiting.map(({ id }) => id).slice(-maxNodeIds);
  if (ids.length > 0) await refetchNodes(gateway, ids);
}

/** Reads an image's task again: its link is minted anew. One that was deleted elsewhere goes. */
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
