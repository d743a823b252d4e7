import assert from 'node:assert/strict';
import { assertClosed } from './socket-asserts.mjs';
import { Socket, bearer } from './socket.mjs';

const expiryOf = (token) => {
  const { exp } = JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));
  return new Date(exp * 1000).toISOString();
};

const warning = (socket, token) =>
  socket.take(
    ({ type, payload }) => type === 'ping' && payload?.tokenExpiresAt === expiryOf(token),
    `warning that the token expires at ${expiryOf(token)}`,
  );

const serverPing = (socket) => socket.take(({ type }) => type === 'ping', 'ping');

const assertAlive = async (socket) => {
  socket.subscribe('alive', '{ __typename }');
  assert.equal((await socket.next('next')).payload.data.__typename, 'Query');
};

export const keepAliveRules = [
  [
    'ping is answered with pong, which contains the same payload',
    async ({ t, gateway, token }) => {
      const socket = await Socket.acknowledged(t, gateway, token);
      const payload = { number: 7, nested: { list: ['ö', null] } };
      socket.send({ type: 'ping', payload });
      assert.deepEqual(await socket.next('pong'), { type: 'pong', payload });
      for (const ping of [{ type: 'ping' }, { type: 'ping', payload: null }]) {
        socket.send(ping);
        assert.deepEqual(await socket.next('pong'), { type: 'pong' });
      }
    },
  ],
  [
    'pong returns numbers of the payload without loss of precision',
    async ({ t, gateway, token }) => {
      const socket = await Socket.acknowledged(t, gateway, token);
      const payload = { numbers: [0.9658786794500731, 0.42799583671008357, 9007199254740991, -0.1] };
      socket.send({ type: 'ping', payload });
      assert.deepEqual((await socket.next('pong')).payload, payload);
    },
  ],
  [
    'ping is answered with pong before connection_init',
    async ({ t, gateway }) => {
      const socket = await Socket.open(t, gateway);
      socket.send({ type: 'ping', payload: { early: true } });
      assert.deepEqual(await socket.next('pong'), { type: 'pong', payload: { early: true } });
    },
  ],
  [
    'An unsolicited pong is ignored, before and after connection_init',
    async ({ t, gateway, token }) => {
      const socket = await Socket.open(t, gateway);
      socket.send({ type: 'pong', payload: { unsolicited: true } });
      socket.init(token);
      await socket.next('connection_ack');
      socket.send({ type: 'pong' });
      await assertAlive(socket);
    },
  ],
  [
    'After PLANTAIN_PING_INTERVAL_SECONDS without messages the gateway sends a ping message and a ping frame',
    async ({ t, gateway, token }) => {
      const socket = await Socket.acknowledged(t, gateway, token);
      await Promise.all([serverPing(socket), socket.waitForPingFrames(1)]);
    },
  ],
  [
    'A client that answers neither ping is disconnected',
    async ({ t, gateway, token }) => {
      const socket = await Socket.acknowledged(t, gateway, token, { autoPong: false });
      await assertClosed(socket, 1001, /./);
    },
  ],
  [
    'A client that answers only ping frames stays connected',
    async ({ t, gateway, token }) => {
      const socket = await Socket.acknowledged(t, gateway, token);
      await socket.waitForPingFrames(3);
      await assertAlive(socket);
    },
  ],
  [
    'A client that answers only ping messages stays connected',
    async ({ t, gateway, token }) => {
      const socket = await Socket.acknowledged(t, gateway, token, { autoPong: false });
      for (let pings = 0; pings < 3; pings += 1) {
        await serverPing(socket);
        socket.send({ type: 'pong' });
      }
      await assertAlive(socket);
    },
  ],
  [
    'In the last minute before expiry a ping contains the expiry time of the token',
    async ({ t, gateway, user }) => {
      const token = await gateway.token(user, 30);
      await warning(await Socket.acknowledged(t, gateway, token), token);
    },
  ],
  [
    '4403: the token has expired',
    async ({ t, gateway, user }) => {
      const socket = await Socket.acknowledged(t, gateway, await gateway.token(user, 3));
      await assertClosed(socket, 4403, /./);
    },
  ],
  [
    'A new token in the payload of a ping extends the connection, and pong does not return the token',
    async ({ t, gateway, user }) => {
      const short = await gateway.token(user, 3);
      // The warning for this token is sent after the other token has expired.
      const long = await gateway.token(user, 65);
      const socket = await Socket.acknowledged(t, gateway, short);
      await warning(socket, short);
      socket.send({ type: 'ping', payload: bearer(long) });
      const pong = await socket.next('pong');
      assert.deepEqual(pong, { type: 'pong', payload: { tokenExpiresAt: expiryOf(long) } });
      await warning(socket, long);
      await assertAlive(socket);
    },
  ],
  [
    "4403 Forbidden: another user's token in the payload of a ping",
    async ({ t, gateway, user, token }) => {
      const socket = await Socket.acknowledged(t, gateway, token);
      socket.send({ type: 'ping', payload: bearer(await gateway.token(`not-${user}`)) });
      await assertClosed(socket, 4403, /^Forbidden$/);
    },
  ],
  [
    '4403 Forbidden: an invalid token in the payload of a ping',
    async ({ t, gateway, token }) => {
      const socket = await Socket.acknowledged(t, gateway, token);
      socket.send({ type: 'ping', payload: bearer('nonsense') });
      await assertClosed(socket, 4403, /^Forbidden$/);
    },
  ],
];

export const shutdownRules = [
  [
    '1012: the gateway shuts down',
    async ({ t, gateway, token }) => {
      const socket = await Socket.acknowledged(t, gateway, token);
      await Promise.all([assertClosed(socket, 1012, /./), gateway.stop()]);
    },
  ],
];
