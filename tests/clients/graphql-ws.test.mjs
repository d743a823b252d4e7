import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { startGateway } from './lib/gateway.mjs';
import {
  assertImageOpens,
  cursorOfLive,
  cursors,
  eventsUntil,
  generate,
  statuses,
  subscribe,
  wholeLife,
} from './lib/tasks.mjs';

const limit = { timeout: 120_000 };

let gateway;
before(async () => (gateway = await startGateway()), limit);
after(() => gateway?.stop(), limit);

function connect(t, token) {
  const client = createClient({
    url: gateway.wsUrl,
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${token}` },
    retryAttempts: 0,
  });
  t.after(() => client.dispose());
  return client;
}

/** A subscription that is known to be live, and the cursor of the last event it saw. */
async function liveEvents(client, token) {
  const events = subscribe(client);
  return { events, cursor: await cursorOfLive(events, gateway, token) };
}

test('a subscriber sees QUEUED, GENERATING, STORING and SUCCEEDED and the image opens', limit, async (t) => {
  const token = await gateway.token('watcher');
  const { events } = await liveEvents(connect(t, token), token);

  const task = await generate(gateway, token, 'a ripe plantain on a wooden table');
  const seen = await eventsUntil(events, task, 'SUCCEEDED');

  assert.deepEqual(statuses(seen), wholeLife);
  assert.equal(new Set(cursors(seen)).size, seen.length);
  const { images } = seen.at(-1).task;
  assert.equal(images.length, 1);
  await assertImageOpens(images[0]);
});

test('a task outlives kill -9 of the gateway and the subscriber misses nothing', limit, async (t) => {
  const token = await gateway.token('survivor');
  const { events, cursor: start } = await liveEvents(connect(t, token), token);

  const task = await generate(gateway, token, 'a plantain in a storm [sim:slow=4]');
  const seenBefore = await eventsUntil(events, task, 'GENERATING');
  await gateway.kill();
  seenBefore.push(...(await untilCutOff(events)));
  await gateway.restart();

  const resumed = subscribe(connect(t, token), seenBefore.at(-1).cursor);
  const seen = [...seenBefore, ...(await eventsUntil(resumed, task, 'SUCCEEDED'))];

  assert.deepEqual(statuses(seen), wholeLife);
  const replay = await eventsUntil(subscribe(connect(t, token), start), task, 'SUCCEEDED');
  assert.deepEqual(cursors(seen), cursors(replay));
  await assertImageOpens(seen.at(-1).task.images[0]);
});

/** What had arrived before the connection was lost. */
async function untilCutOff(events) {
  const seen = [];
  try {
    for await (const event of events) seen.push(event);
  } catch (closed) {
    assert.equal(closed.code, 1006);
    return seen;
  }
  assert.fail('the subscription ended as if it were complete');
}
