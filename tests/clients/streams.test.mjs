import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ApolloClient, HttpLink, InMemoryCache, gql } from '@apollo/client';
import { Client, fetchExchange } from '@urql/core';
import { createClient } from 'graphql-sse';
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
const taskUpdated = 'subscription ($id: ID!) { taskUpdated(id: $id) { id status version } }';

let gateway;
before(async () => (gateway = await startGateway()), limit);
after(() => gateway?.stop(), limit);

const bearer = (token) => ({ authorization: `Bearer ${token}` });
const endpoint = () => `${gateway.url}/graphql`;

function connect(t, token) {
  const client = createClient({ url: endpoint(), headers: bearer(token), retryAttempts: 0 });
  t.after(() => client.dispose());
  return client;
}

/** A subscription that is known to be live, and the cursor of the last event it saw. */
async function liveEvents(client, token) {
  const events = subscribe(client);
  return { events, cursor: await cursorOfLive(events, gateway, token) };
}

test('a graphql-sse client sees QUEUED, GENERATING, STORING and SUCCEEDED and the image opens', limit, async (t) => {
  const token = await gateway.token('sse-watcher');
  const { events } = await liveEvents(connect(t, token), token);

  const task = await generate(gateway, token, 'a plantain in a stream [sim:slow=1]');
  const seen = await eventsUntil(events, task, 'SUCCEEDED');

  assert.deepEqual(statuses(seen), wholeLife);
  await assertImageOpens(seen.at(-1).task.images[0]);
});

test('a graphql-sse client that comes back after kill -9 sees each event once', limit, async (t) => {
  const token = await gateway.token('sse-survivor');
  const { events, cursor: start } = await liveEvents(connect(t, token), token);

  const task = await generate(gateway, token, 'a plantain in a flood [sim:slow=4]');
  const seenBefore = await eventsUntil(events, task, 'GENERATING');
  await gateway.kill();
  seenBefore.push(...(await untilCutOff(events)));
  await gateway.restart();

  const resumed = subscribe(connect(t, token), seenBefore.at(-1).cursor);
  const seen = [...seenBefore, ...(await eventsUntil(resumed, task, 'SUCCEEDED'))];

  assert.deepEqual(statuses(seen), wholeLife);
  const replay = await eventsUntil(subscribe(connect(t, token), start), task, 'SUCCEEDED');
  assert.deepEqual(cursors(seen), cursors(replay));
});

/** What had arrived before the connection was lost. */
async function untilCutOff(events) {
  const seen = [];
  try {
    for await (const event of events) seen.push(event);
  } catch {
    return seen;
  }
  assert.fail('the subscription ended as if it were complete');
}

test("Apollo Client's HttpLink follows a task to its end", limit, async (t) => {
  const token = await gateway.token('apollo');
  const link = new HttpLink({ uri: endpoint(), headers: bearer(token) });
  const client = new ApolloClient({ link, cache: new InMemoryCache() });
  t.after(() => client.stop());

  const id = await generate(gateway, token, 'a plantain for Apollo [sim:slow=1]');
  const results = client.subscribe({ query: gql(taskUpdated), variables: { id }, fetchPolicy: 'no-cache' });

  assertFollowed(await collect(results));
});

test('a client of urql follows a task to its end', limit, async () => {
  const token = await gateway.token('urql');
  const client = new Client({
    url: endpoint(),
    exchanges: [fetchExchange],
    fetchSubscriptions: true,
    fetchOptions: { headers: bearer(token) },
  });

  const id = await generate(gateway, token, 'a plantain for urql [sim:slow=1]');
  const seen = [];
  await new Promise((resolve, reject) => {
    client.subscription(taskUpdated, { id }).subscribe((result) => {
      if (result.error) reject(result.error);
      // At the end of a stream, urql says its last result again, without a next one.
      if (!result.hasNext) resolve();
      else seen.push(result);
    });
  });

  assertFollowed(seen);
});

/** Everything that an observable has to say. */
function collect(observable) {
  const seen = [];
  return new Promise((resolve, reject) => {
    observable.subscribe({ next: (value) => seen.push(value), error: reject, complete: () => resolve(seen) });
  });
}

/** Changes in order, none twice, up to the end. */
function assertFollowed(results) {
  for (const { error } of results) assert.equal(error, undefined);
  const tasks = results.map(({ data }) => data.taskUpdated);
  const versions = tasks.map(({ version }) => version);
  assert.deepEqual(versions, [...new Set(versions)].sort((one, other) => one - other));
  assert.ok(statuses(tasks).includes('GENERATING'));
  assert.equal(tasks.at(-1).status, 'SUCCEEDED');
}
