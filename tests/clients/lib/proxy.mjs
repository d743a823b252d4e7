import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';

/** Starts a TCP proxy to the gateway that can drop all connections and reject new ones until it is restored. */
export async function openProxy(t, gateway) {
  const sockets = new Set();
  let isOpen = true;
  const forward = (from, to) => {
    sockets.add(from);
    from.on('error', () => to.destroy());
    from.on('close', () => {
      sockets.delete(from);
      to.destroy();
    });
    from.pipe(to);
  };
  const server = createServer((client) => {
    if (!isOpen) return client.destroy();
    const upstream = connect(new URL(gateway.url).port, '127.0.0.1');
    forward(client, upstream);
    forward(upstream, client);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');

  const disconnect = () => {
    isOpen = false;
    for (const socket of sockets) socket.destroy();
  };
  t.after(() => {
    disconnect();
    server.close();
  });
  const host = `127.0.0.1:${server.address().port}`;
  return { host, url: `http://${host}`, disconnect, restore: () => (isOpen = true) };
}

/** Waits until the user's newest task has succeeded, by a direct connection to the gateway. */
export async function waitForNewestTask(gateway, token) {
  const { tasks } = await gateway.graphql(token, '{ tasks(first: 1) { nodes { id } } }');
  const client = createClient({
    url: gateway.wsUrl,
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${token}` },
    retryAttempts: 0,
  });
  const query = 'subscription ($id: ID!) { taskUpdated(id: $id) { status } }';
  let last;
  for await (const { data } of client.iterate({ query, variables: tasks.nodes[0] })) last = data.taskUpdated.status;
  await client.dispose();
  assert.equal(last, 'SUCCEEDED');
}
