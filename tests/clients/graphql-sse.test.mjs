import { createClient } from 'graphql-sse';
import { fromIterator, testClient } from './lib/client.mjs';

testClient('graphql-sse', (gateway, token) => {
  const client = createClient({
    url: `${gateway.url}/graphql`,
    headers: { authorization: `Bearer ${token}` },
    // A retry of the library would send the first cursor again.
    retryAttempts: 0,
  });
  return fromIterator(client, ({ code }) => code !== 'ERR_ASSERTION');
});
