import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { iterating, testClient } from './lib/client.mjs';

testClient('graphql-ws', (gateway, token) => {
  const client = createClient({
    url: gateway.wsUrl,
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${token}` },
    // Would repeat the first cursor.
    retryAttempts: 0,
  });
  return iterating(client, ({ code }) => code === 1006);
});
