import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { startGateway } from './gateway.mjs';
import {
  acceptedId,
  assertImageOpens,
  cursorOfLive,
  cursors,
  eventsUntil,
  generateImages,
  statuses,
  taskEvents,
  wholeLife,
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
 * The tests of a published client. `connect(gateway, token)` gives `query`, `mutate` and `subscribe`, which take a
 * document and variables, and `close`; `subscribe` gives an async iterator of data that throws `ConnectionLost`.
 */
export function testClient(name, connect) {
  let gateway, client, start;
  before(async () => {
    gateway = await startGateway();
    const token = await gateway.token('ana');
    client = connect(gateway, token);
    const events = follow(client);
    start = await cursorOfLive(events, gateway, token);
    await events.return();
  }, limit);
  after(async () => {
    await client?.close();
    await gateway?.stop();
  }, limit);

  const generate = async (prompt) => acceptedId(await client.mutate(generateImages, { input: { prompt } }));

  test(`${name} sees the whole life of a task that it asked for, and the image opens`, limit, async (t) => {
    const events = follow(client, { cursor: start });
    // Clients share what is asked for twice at a time.
    t.after(() => events.return());
    const id = await generate('a ripe plantain on a wooden table');
    const seen = await eventsUntil(events, id, 'SUCCEEDED');

    assert.deepEqual(statuses(seen), wholeLife);
    const { task } = await client.query(oneTask, { id });
    assert.equal(task.status, 'SUCCEEDED');
    await assertImageOpens(seen.at(-1).task.images[0]);
  });

  test(`${name} comes back to a killed gateway with its last cursor and sees each event once`, limit, async (t) => {
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

    assert.deepEqual(statuses(seen), wholeLife);
    assert.equal(cursorsSent.length, 2);
    assert.ok(cursors(seen).includes(cursorsSent[1]), 'the second subscription did not begin at the last event');
    const replay = await eventsUntil(follow(client, { cursor: start }), id, 'SUCCEEDED');
    assert.deepEqual(cursors(seen), cursors(replay));
  });
}

/** A client of graphql-ws that tells when it is cut off. */
export function socketClient(gateway, token) {
  return createClient({
    url: gateway.wsUrl,
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${token}` },
    // Would repeat the first cursor.
    retryAttempts: 0,
  });
}

export class ConnectionLost extends Error {}

/** Such a client, made of one that iterates: graphql-ws and graphql-sse do. `isLost` knows a lost connection. */
export function iterating(client, isLost) {
  async function* iterate(query, variables) {
    try {
      for await (const { data, errors } of client.iterate({ query, variables })) {
        assert.equal(errors, undefined, JSON.stringify(errors));
        yield data;
      }
    } catch (error) {
      throw isLost(error) ? new ConnectionLost('the connection is lost', { cause: error }) : error;
    }
  }
  const first = async (query, variables) => (await iterate(query, variables).next()).value;
  return { query: first, mutate: first, subscribe: iterate, close: () => client.dispose() };
}

/** The events for good: when the connection is lost, again from the last one. */
async function* follow(client, { cursor = null, onOpen, onLoss } = {}) {
  for (;;) {
    onOpen?.(cursor);
    try {
      for await (const { taskEvents: event } of client.subscribe(taskEvents, { after: cursor })) {
        cursor = event.cursor;
        yield event;
      }
      assert.fail('the subscription ended as if it were complete');
    } catch (error) {
      if (!(error instanceof ConnectionLost && onLoss)) throw error;
      await onLoss();
    }
  }
}
