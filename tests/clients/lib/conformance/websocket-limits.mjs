import assert from 'node:assert/strict';
import { operationMessages, assertClosed, assertRejected } from './socket-asserts.mjs';
import { Socket, bearer } from './socket.mjs';

/** Small limits, so that the rules can exceed them. */
export const socketSettings = {
  PLANTAIN_PING_INTERVAL_SECONDS: '1',
  PLANTAIN_MAX_SOCKET_OPERATIONS: '3',
  PLANTAIN_MAX_USER_SOCKETS: '2',
};

const otherOrigin = 'https://elsewhere.example';
const cookie = 'session=1';

export const limitRules = [
  [
    'error: more concurrent operations than PLANTAIN_MAX_SOCKET_OPERATIONS; the socket stays open',
    async ({ t, gateway, token }) => {
      const socket = await Socket.acknowledged(t, gateway, token);
      for (const id of ['1', '2', '3']) socket.subscribe(id, 'subscription { taskEvents { status } }');
      const [{ extensions }] = await assertRejected(socket, { query: '{ __typename }' });
      assert.equal(extensions.code, 'LIMIT_EXCEEDED');
      assert.equal(extensions.bound, 'socketOperations');
      assert.equal(extensions.limit, 3);
      socket.complete('2');
      socket.subscribe('4', '{ __typename }');
      assert.equal((await operationMessages(socket, '4'))[0].type, 'next');
    },
  ],
  [
    '1013: more sockets of one user than PLANTAIN_MAX_USER_SOCKETS, until one is closed',
    async ({ t, gateway, token }) => {
      await Socket.acknowledged(t, gateway, token);
      const second = await Socket.acknowledged(t, gateway, token);
      const third = await Socket.open(t, gateway);
      third.init(token);
      await assertClosed(third, 1013, /2/);
      // The gateway releases the slot of a socket before it sends the close frame.
      second.sendRaw('nonsense');
      await assertClosed(second, 4400);
      await Socket.acknowledged(t, gateway, token);
    },
  ],
  [
    'The handshake is rejected with 403 if a page of another origin sends a cookie, or a token in a header',
    async ({ gateway, token }) => {
      for (const ambient of [{ cookie }, bearer(token)]) {
        assert.equal(await Socket.rejectedStatus(gateway, { origin: otherOrigin, headers: ambient }), 403);
        assert.equal(await Socket.rejectedStatus(gateway, { origin: 'null', headers: ambient }), 403);
      }
    },
  ],
  [
    'Under `dev`, a page of another site is rejected with 403 also without ambient credentials',
    async ({ gateway }) => {
      assert.equal(await Socket.rejectedStatus(gateway, { origin: otherOrigin }), 403);
      assert.equal(await Socket.rejectedStatus(gateway, { headers: { host: 'rebound.example' } }), 403);
    },
  ],
  [
    "A page of the gateway's own origin may send cookies",
    async ({ t, gateway, token }) => {
      const host = '192.0.2.7';
      for (const origin of [`http://${host}`, `https://${host}`]) {
        await Socket.acknowledged(t, gateway, token, { origin, headers: { cookie, host } });
      }
      const foreign = { origin: `http://${host}:8080`, headers: { cookie, host } };
      assert.equal(await Socket.rejectedStatus(gateway, foreign), 403);
    },
  ],
];
