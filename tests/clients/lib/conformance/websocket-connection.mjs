import assert from 'node:assert/strict';
import { assertClosed } from './socket-asserts.mjs';
import { Socket, bearer, subprotocol } from './socket.mjs';

/** Messages that violate the protocol: description, message. */
const invalid = {
  'text that is not valid JSON': '{"type":"ping"',
  'JSON that is not an object': '["ping"]',
  'a connection_init as a JSON list': '["connection_init",{}]',
  'a message without a type': '{"id":"1"}',
  'a message of an unknown type': '{"type":"start","id":"1","payload":{"query":"{ __typename }"}}',
  'a message that only the gateway may send': '{"type":"next","id":"1","payload":{}}',
  'a subscribe without an id': '{"type":"subscribe","payload":{"query":"{ __typename }"}}',
  'a subscribe with an id that is not a string': '{"type":"subscribe","id":1,"payload":{"query":"{ __typename }"}}',
  'a subscribe with an empty id': '{"type":"subscribe","id":"","payload":{"query":"{ __typename }"}}',
  'a subscribe without a payload': '{"type":"subscribe","id":"1"}',
  'a subscribe without a query': '{"type":"subscribe","id":"1","payload":{}}',
  'a subscribe with a payload that is not an object': '{"type":"subscribe","id":"1","payload":["{ __typename }"]}',
  'a subscribe with a query that is not a string': '{"type":"subscribe","id":"1","payload":{"query":7}}',
  'a subscribe with variables that are not an object':
    '{"type":"subscribe","id":"1","payload":{"query":"{ __typename }","variables":[]}}',
  'a complete without an id': '{"type":"complete"}',
  'a ping with a payload that is not an object': '{"type":"ping","payload":"text"}',
  'a binary frame': Buffer.from('{"type":"ping"}'),
};

const invalidRules = Object.entries(invalid).map(([what, message]) => [
  `4400 Bad request: ${what}`,
  async ({ t, gateway, token }) => {
    const socket = await Socket.acknowledged(t, gateway, token);
    socket.sendRaw(message);
    await assertClosed(socket, 4400, /./);
  },
]);

export const connectionRules = [
  [
    'A close frame of the client is answered with a close frame',
    async ({ t, gateway, token }) => {
      const socket = await Socket.acknowledged(t, gateway, token);
      socket.close(1000);
      await assertClosed(socket, 1000, /^$/);
    },
  ],
  [
    'The handshake selects the subprotocol graphql-transport-ws, even if the client offers others as well',
    async ({ t, gateway }) => {
      for (const protocols of [[subprotocol], ['graphql-ws', subprotocol]]) {
        const socket = await Socket.open(t, gateway, { protocols });
        assert.equal(socket.protocol, subprotocol);
      }
    },
  ],
  [
    '4406 Subprotocol not acceptable: the client offers none',
    async ({ t, gateway }) => {
      const socket = await Socket.open(t, gateway, { protocols: [] });
      await assertClosed(socket, 4406, /^Subprotocol not acceptable$/);
    },
  ],
  [
    '4406 Subprotocol not acceptable: the client offers only others',
    async ({ t, gateway }) => {
      // Sent as a header: the library itself rejects a handshake that selects none of its subprotocols.
      const headers = { 'sec-websocket-protocol': 'graphql-ws' };
      const socket = await Socket.open(t, gateway, { protocols: [], headers });
      await assertClosed(socket, 4406, /^Subprotocol not acceptable$/);
    },
  ],
  [
    'connection_init with a token is answered with connection_ack',
    async ({ t, gateway, token }) => {
      const socket = await Socket.open(t, gateway);
      socket.init(token);
      await socket.next('connection_ack');
    },
  ],
  [
    'connection_init without a payload, or with null, is answered with connection_ack if the request had the token',
    async ({ t, gateway, token }) => {
      for (const message of [{ type: 'connection_init' }, { type: 'connection_init', payload: null }]) {
        const socket = await Socket.open(t, gateway, { headers: bearer(token) });
        socket.send(message);
        await socket.next('connection_ack');
      }
    },
  ],
  [
    '4403 Forbidden: connection_init without a token',
    async ({ t, gateway }) => {
      for (const payload of [undefined, {}, { authorization: 'Bearer' }, { authorization: 7 }]) {
        const socket = await Socket.open(t, gateway);
        socket.send({ type: 'connection_init', payload });
        await assertClosed(socket, 4403, /^Forbidden$/);
      }
    },
  ],
  [
    '4403 Forbidden: connection_init with an invalid token, even if the request had a valid one',
    async ({ t, gateway, token }) => {
      for (const headers of [{}, bearer(token)]) {
        const socket = await Socket.open(t, gateway, { headers });
        socket.init('nonsense');
        await assertClosed(socket, 4403, /^Forbidden$/);
      }
    },
  ],
  [
    'The handshake is rejected with 401 if the request has an invalid token',
    async ({ gateway }) => assert.equal(await Socket.rejectedStatus(gateway, { headers: bearer('nonsense') }), 401),
  ],
  [
    '4408 Connection initialisation timeout: no connection_init within 10 seconds, even if other messages are sent',
    async ({ t, gateway }) => {
      const socket = await Socket.open(t, gateway);
      socket.send({ type: 'ping' });
      await assertClosed(socket, 4408, /^Connection initialisation timeout$/);
    },
  ],
  [
    '4429 Too many initialisation requests: a second connection_init',
    async ({ t, gateway, token }) => {
      const socket = await Socket.acknowledged(t, gateway, token);
      socket.init(token);
      await assertClosed(socket, 4429, /^Too many initialisation requests$/);
    },
  ],
  [
    '4429 Too many initialisation requests: two in one write',
    async ({ t, gateway, token }) => {
      const socket = await Socket.open(t, gateway);
      const init = { type: 'connection_init', payload: bearer(token) };
      socket.sendInOneWrite(init, init);
      await assertClosed(socket, 4429, /^Too many initialisation requests$/);
    },
  ],
  [
    '4401 Unauthorized: subscribe before connection_ack, even if the request had a token',
    async ({ t, gateway, token }) => {
      for (const headers of [{}, bearer(token)]) {
        const socket = await Socket.open(t, gateway, { headers });
        socket.subscribe('1', '{ __typename }');
        await assertClosed(socket, 4401, /^Unauthorized$/);
      }
    },
  ],
  ...invalidRules,
  [
    '1009 Message too big: more than PLANTAIN_MAX_MESSAGE_BYTES',
    async ({ t, gateway, token }) => {
      const socket = await Socket.acknowledged(t, gateway, token);
      socket.subscribe('1', `{ __typename } #${' '.repeat(524_288)}`);
      await assertClosed(socket, 1009);
    },
  ],
];
