import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { startGateway } from './gateway.mjs';
import {
  acceptedTaskId,
  assertImageOpens,
  cursorOfActiveSubscription,
  cursors,
  eventsUntil,
  generateImages,
  statuses,
  taskEvents,
  successStatuses,
} from './tasks.mjs';

const limit = { timeout: 120_000 };

const oneTask = /* GraphQL */ `
  query OneTask($id: ID!) {
    task(id: $id) {
      id
      status
    }
  }
`;

/**
 * Defines the tests of a published client. `connect(gateway, token)` returns `query`, `mutate` and `subscribe`, which
 * take a document and variables, and `close`. `subscribe` returns an async iterator of data that throws
 * `ConnectionLost`.
 */
export function testClient(name, connect) {
  let gateway, client, start;
  before(async () => {
    gateway = await startGateway();
    const token = await gateway.token('ana');
    client = connect(gateway, token);
    const events = follow(client);
    start = await cursorOfActiveSubscription(events, gateway, token);
    await events.return();
  }, limit);
  after(async () => {
    await client?.close();
    await gateway?.stop();
  }, limit);

  const generate = async (prompt) => acceptedTaskId(await client.mutate(generateImages, { input: { prompt } }));

  test(`${name} receives every status of its task, and the image can be opened`, limit, async (t) => {
    const events = follow(client, { cursor: start });
    // Clients merge identical subscriptions that are active at the same time.
    t.after(() => events.return());
    const id = await generate('a ripe plantain on a wooden table');
    const seen = await eventsUntil(events, id, 'SUCCEEDED');

    assert.deepEqual(statuses(seen), successStatuses);
    const { task } = await client.query(oneTask, { id });
    assert.equal(task.status, 'SUCCEEDED');
    await assertImageOpens(seen.at(-1).task.images[0]);
  });

  test(`${name} reconnects to a restarted gateway with its last cursor and receives each event once`, limit, async (t) => {
    const cursorsSent = [];
    const events = follow(client, {
      cursor: start,
      onOpen: (cursor) => cursorsSent.push(cursor),
      onLoss: () => gateway.restart(),
    });
    t.after(() => events.return());
    const id = await generate('a plantain in a storm [sim:slow=4]');
    const seen = await eventsUntil(events, id, 'GENERATING');
    await gateway.kill();
    seen.push(...(await eventsUntil(events, id, 'SUCCEEDED')));

    assert.deepEqual(statuses(seen), successStatuses);
    assert.equal(cursorsSent.length, 2);
    assert.ok(cursors(seen).includes(cursorsSent[1]), 'the second subscription did not start at the cursor of the last event');
    const replay = await eventsUntil(follow(client, { cursor: start }), id, 'SUCCEEDED');
    assert.deepEqual(cursors(seen), cursors(replay));
  });
}

/** Creates a graphql-ws client that reports a lost connection instead of retrying. */
export function socketClient(gateway, token) {
  return createClient({
    url: gateway.wsUrl,
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${token}` },
    // A retry of the library would send the first cursor again.
    retryAttempts: 0,
  });
}

export class ConnectionLost extends Error {}

/** Adapts a client with `iterate`, as graphql-ws and graphql-sse have. `isLost` recognizes a lost connection. */
export function fromIterator(client, isLost) {
  async function* iterate(query, variables) {
    try {
      for await (const { data, errors } of client.iterate({ query, variables })) {
        assert.equal(errors, undefined, JSON.stringify(errors));
        yield data;
      }
    } catch (error) {
      throw isLost(error) ? new ConnectionLost('connection lost', { cause: error }) : error;
    }
  }
  const first = async (query, variables) => (await iterate(query, variables).next()).value;
  return { query: first, mutate: first, subscribe: iterate, close: () => client.dispose() };
}

/** Yields events without end: after a lost connection, subscribes again from the last cursor. */
async function* follow(client, { cursor = null, onOpen, onLoss } = {}) {
  for (;;) {
    onOpen?.(cursor);
    try {
      for await (const { taskEvents: event } of client.subscribe(taskEvents, { after: cursor })) {
        cursor = event.cursor;
        yield event;
      }
      assert.fail('the subscription completed, but it must not end');
    } catch (error) {
      if (!(error instanceof ConnectionLost && onLoss)) throw error;
      await onLoss();
    }
  }
}
