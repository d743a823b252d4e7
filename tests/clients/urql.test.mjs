import assert from 'node:assert/strict';
import { Client, cacheExchange, fetchExchange, subscriptionExchange } from '@urql/core';
import { toAsyncIterable } from 'wonka';
import { ConnectionLost, socketClient, testClient } from './lib/client.mjs';

testClient('urql', (gateway, token) => {
  const authorization = `Bearer ${token}`;
  const socket = socketClient(gateway, token);
  const client = new Client({
    url: `${gateway.url}/graphql`,
    fetchOptions: { headers: { authorization } },
    exchanges: [
      cacheExchange,
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: ({ query, variables }) => ({
          subscribe: (sink) => ({ unsubscribe: socket.subscribe({ query, variables }, sink) }),
        }),
      }),
    ],
  });

  return {
    query: async (document, variables) => dataOf(await client.query(document, variables)),
    mutate: async (document, variables) => dataOf(await client.mutation(document, variables)),
    async *subscribe(document, variables) {
      for await (const result of toAsyncIterable(client.subscription(document, variables))) {
        if (result.error?.networkError) throw new ConnectionLost(result.error.message);
        yield dataOf(result);
      }
    },
    close: () => socket.dispose(),
  };
});

function dataOf({ data, error }) {
  assert.equal(error, undefined, String(error));
  return data;
}
