import { NodesDocument, TaskEventsDocument, type TaskCardFragment } from '../../gql/graphql';
import type { Gateway } from './gateway';

const positionsEveryMs = 4_000;
const mostIds = 100;

/**
 * Keeps `gateway.tasks` up to date from this cursor on. The list is read after the cursor, so that between the two
 * nothing is missed. It breaks when the log does not reach back to the cursor: then all must be read anew.
 */
export function followTasks(gateway: Gateway, cursor: string, onBroken: () => void): () => void {
  // Written into each request anew: after a lost connection it names the last event that was seen, not the first.
  const variables = { after: cursor };
  const events = gateway.client.subscription(TaskEventsDocument, variables).subscribe(({ data, error }) => {
    if (error) return onBroken();
    if (!data) return;
    variables.after = data.taskEvents.cursor;
    gateway.tasks.merge([data.taskEvents.task]);
  });
  const positions = setInterval(() => void refreshQueue(gateway), positionsEveryMs);
  return () => {
    events.unsubscribe();
    clearInterval(positions);
  };
}

/** A place in the queue changes by what others do, which is no event of this task's. */
async function refreshQueue(gateway: Gateway) {
  if (document.hidden || gateway.connection.get().state !== 'open') return;
  const waiting = gateway.tasks.all.get().filter(({ status }) => status === 'QUEUED');
  if (waiting.length > 0)
    await refresh(
      gateway,
      waiting.map(({ id }) => id),
    );
}

/** Reads an image's task again: its link is minted anew. One that was deleted elsewhere goes. */
export async function refreshImage(gateway: Gateway, id: string) {
  const found = await refresh(gateway, [id]);
  if (found?.[0] === undefined && found) gateway.tasks.removeImage(id);
}

async function refresh(gateway: Gateway, ids: string[]): Promise<(TaskCardFragment | undefined)[] | undefined> {
  const { data } = await gateway.client.query(NodesDocument, { ids: ids.slice(0, mostIds) });
  const found = data?.nodes.map(taskOf);
  gateway.tasks.merge(found?.filter((task) => task !== undefined) ?? []);
  return found;
}

type Node = { task: TaskCardFragment } | TaskCardFragment | object | null;

function taskOf(node: Node): TaskCardFragment | undefined {
  if (node && 'task' in node) return node.task;
  return node && 'version' in node ? node : undefined;
}
