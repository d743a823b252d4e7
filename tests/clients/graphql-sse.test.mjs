import { createClient } from 'graphql-sse';
import { iterating, testClient } from './lib/client.mjs';

testClient('graphql-sse', (gateway, token) => {
  const client = createClient({
    url: `${gateway.url}/graphql`,
    headers: { authorization: `Bearer ${token}` },
    // Would repeat the first cursor.
    retryAttempts: 0,
  });
  return iterating(client, ({ code }) => code !== 'ERR_ASSERTION');
});
