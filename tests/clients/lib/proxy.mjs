import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';

/** A way to the gateway that can be cut: connections break, and none is made until it is mended. */
export async function openLink(t, gateway) {
  const sockets = new Set();
  let whole = true;
  const join = (from, to) => {
    sockets.add(from);
    from.on('error', () => to.destroy());
    from.on('close', () => {
      sockets.delete(from);
      to.destroy();
    });
    from.pipe(to);
  };
  const server = createServer((near) => {
    if (!whole) return near.destroy();
    const far = connect(new URL(gateway.url).port, '127.0.0.1');
    join(near, far);
    join(far, near);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');

  const cut = () => {
    whole = false;
    for (const socket of sockets) socket.destroy();
  };
  t.after(() => {
    cut();
    server.close();
  });
  const host = `127.0.0.1:${server.address().port}`;
  return { host, url: `http://${host}`, cut, mend: () => (whole = true) };
}

/** Waits until the user's newest task has succeeded, by the gateway's own word. */
export async function newestTaskSucceeds(gateway, token) {
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
