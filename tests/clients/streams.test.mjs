import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ApolloClient, HttpLink, InMemoryCache, gql } from '@apollo/client';
import { Client, fetchExchange } from '@urql/core';
import { startGateway } from './lib/gateway.mjs';
import { generate, statuses } from './lib/tasks.mjs';

const limit = { timeout: 120_000 };
const taskUpdated = 'subscription ($id: ID!) { taskUpdated(id: $id) { id status version } }';

let gateway;
before(async () => (gateway = await startGateway()), limit);
after(() => gateway?.stop(), limit);

const bearer = (token) => ({ authorization: `Bearer ${token}` });
const endpoint = () => `${gateway.url}/graphql`;

test("Apollo Client's HttpLink follows a task until it finishes", limit, async (t) => {
  const token = await gateway.token('apollo');
  const link = new HttpLink({ uri: endpoint(), headers: bearer(token) });
  const client = new ApolloClient({ link, cache: new InMemoryCache() });
  t.after(() => client.stop());

  const id = await generate(gateway, token, 'a plantain for Apollo [sim:slow=1]');
  const results = client.subscribe({ query: gql(taskUpdated), variables: { id }, fetchPolicy: 'no-cache' });

  assertFollowed(await collect(results));
});

test('urql with fetchExchange follows a task until it finishes', limit, async () => {
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
      // At the end of a stream, urql repeats its last result with `hasNext: false`.
      if (!result.hasNext) resolve();
      else seen.push(result);
    });
  });

  assertFollowed(seen);
});

/** Collects the values of an observable until it completes. */
function collect(observable) {
  const seen = [];
  return new Promise((resolve, reject) => {
    observable.subscribe({ next: (value) => seen.push(value), error: reject, complete: () => resolve(seen) });
  });
}

/** Asserts that the results are ordered, without duplicates, and end with SUCCEEDED. */
function assertFollowed(results) {
  for (const { error } of results) assert.equal(error, undefined);
  const tasks = results.map(({ data }) => data.taskUpdated);
  const versions = tasks.map(({ version }) => version);
  assert.deepEqual(versions, [...new Set(versions)].sort((one, other) => one - other));
  assert.ok(statuses(tasks).includes('GENERATING'));
  assert.equal(tasks.at(-1).status, 'SUCCEEDED');
}
