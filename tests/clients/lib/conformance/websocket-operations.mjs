import assert from 'node:assert/strict';
import { generate } from '../tasks.mjs';
import { operationMessages, assertClosed, assertRejected } from './socket-asserts.mjs';
import { Socket } from './socket.mjs';

const byId = 'query ($id: ID!) { task(id: $id) { id } }';
const follow = 'subscription ($id: ID!) { taskUpdated(id: $id) { status version } }';
const allEvents = 'subscription { taskEvents { status } }';
const generateSlowly = /* GraphQL */ `
  mutation {
    generateImages(input: { prompt: "a plantain [sim:slow=2]", waitSeconds: 60 }) {
      ... on TaskAccepted {
        task {
          id
        }
      }
    }
  }
`;

const rejected = {
  'a document with a syntax error': { query: '{' },
  'a document that the schema does not allow': { query: '{ nothing }' },
  'an operationName that the document does not define': { query: 'query a { __typename }', operationName: 'b' },
  'no operationName for a document with several operations': { query: 'query a { __typename } query b { __typename }' },
  'a variable of the wrong type': { query: byId, variables: { id: [] } },
  'a missing variable': { query: byId },
  'a subscription whose stream cannot start: an unknown cursor': {
    query: 'subscription { taskEvents(after: "nonsense") { status } }',
  },
  'a subscription whose stream cannot start: an unknown task': {
    query: follow,
    variables: { id: 'nonsense' },
  },
};

const rejectedRules = Object.entries(rejected).map(([what, payload]) => [
  `error, then no more messages: ${what}`,
  async ({ t, gateway, token }) => {
    const socket = await Socket.acknowledged(t, gateway, token);
    await assertRejected(socket, payload);
    socket.subscribe('rejected', '{ __typename }');
    assert.deepEqual(await types(socket, 'rejected'), ['next', 'complete']);
  },
]);

const types = async (socket, id) => (await operationMessages(socket, id)).map(({ type }) => type);

/** Starts a mutation that responds late, and subscribes to the events of its task. */
async function beginSlowly(socket) {
  socket.subscribe('events', allEvents);
  socket.subscribe('slow', generateSlowly);
  await nextStatus(socket, 'QUEUED');
}

async function nextStatus(socket, status) {
  const isStatus = ({ id, payload }) => id === 'events' && payload.data.taskEvents.status === status;
  await socket.take(isStatus, status);
}

export const operationRules = [
  [
    'A query is answered with next and complete',
    async ({ t, gateway, token, user }) => {
      const socket = await Socket.acknowledged(t, gateway, token);
      socket.subscribe('1', '{ viewer { id } }');
      assert.deepEqual(await operationMessages(socket, '1'), [
        { id: '1', type: 'next', payload: { data: { viewer: { id: user } } } },
        { id: '1', type: 'complete' },
      ]);
    },
  ],
  [
    'A mutation is answered with next and complete',
    async ({ t, gateway, token }) => {
      const socket = await Socket.acknowledged(t, gateway, token);
      socket.subscribe('1', 'mutation { cancelTask(id: "none") { __typename } }');
      assert.deepEqual(await operationMessages(socket, '1'), [
        { id: '1', type: 'next', payload: { data: { cancelTask: { __typename: 'NotFound' } } } },
        { id: '1', type: 'complete' },
      ]);
    },
  ],
  [
    'A subscription is answered with next for each result, and complete when its stream ends',
    async ({ t, gateway, token }) => {
      const socket = await Socket.acknowledged(t, gateway, token);
      socket.subscribe('1', follow, { id: await generate(gateway, token, 'a plantain that is followed [sim:slow=1]') });
      const seen = await operationMessages(socket, '1');
      assert.deepEqual(seen.pop(), { id: '1', type: 'complete' });
      assert.ok(seen.every(({ type }) => type === 'next'));
      assert.equal(seen.at(-1).payload.data.taskUpdated.status, 'SUCCEEDED');
      const versions = seen.map(({ payload }) => payload.data.taskUpdated.version);
      assert.deepEqual(versions, [...new Set(versions)].sort((one, other) => one - other));
    },
  ],
  [
    'An error in a field is answered with next, which has data and errors, and complete',
    async ({ t, gateway, token }) => {
      const socket = await Socket.acknowledged(t, gateway, token);
      socket.subscribe('1', '{ node(id: "none") { id } tasks(first: 101) { nodes { id } } }');
      const [next, complete] = await operationMessages(socket, '1');
      assert.equal(next.type, 'next');
      assert.deepEqual(next.payload.errors[0].path, ['tasks']);
      assert.ok('data' in next.payload);
      assert.equal(complete.type, 'complete');
    },
  ],
  [
    'operationName, variables and extensions may be null',
    async ({ t, gateway, token }) => {
      const socket = await Socket.acknowledged(t, gateway, token);
      const payload = { query: '{ __typename }', operationName: null, variables: null, extensions: null };
      socket.send({ type: 'subscribe', id: '1', payload });
      assert.deepEqual(await types(socket, '1'), ['next', 'complete']);
    },
  ],
  ...rejectedRules,
  [
    'After complete by the client no message of the subscription follows, and its id can be reused',
    async ({ t, gateway, token }) => {
      const socket = await Socket.acknowledged(t, gateway, token);
      socket.subscribe('1', allEvents);
      // The protocol has no acknowledgement of a subscription, so the first event serves as one.
      const task = await generate(gateway, token, 'a plantain that is looked at [sim:slow=1]');
      await socket.next('next');
      socket.complete('1');
      await socket.drain();
      assert.ok(socket.messagesOf('1').every(({ type }) => type === 'next'), 'the complete was answered');
      socket.clear();
      socket.subscribe('2', follow, { id: task });
      await operationMessages(socket, '2');
      assert.deepEqual(socket.messagesOf('1'), []);
      socket.subscribe('1', '{ __typename }');
      assert.deepEqual(await types(socket, '1'), ['next', 'complete']);
    },
  ],
  [
    'After complete by the client the result of a single-result operation is not sent',
    async ({ t, gateway, token }) => {
      const socket = await Socket.acknowledged(t, gateway, token);
      await beginSlowly(socket);
      socket.complete('slow');
      await nextStatus(socket, 'SUCCEEDED');
      await socket.drain();
      assert.deepEqual(socket.messagesOf('slow'), []);
    },
  ],
  [
    'complete for a finished or unknown operation is ignored',
    async ({ t, gateway, token }) => {
      const socket = await Socket.acknowledged(t, gateway, token);
      socket.subscribe('1', '{ __typename }');
      await operationMessages(socket, '1');
      socket.complete('1');
      socket.complete('2');
      socket.subscribe('3', '{ __typename }');
      assert.deepEqual(await types(socket, '3'), ['next', 'complete']);
    },
  ],
  [
    '4409 Subscriber for <id> already exists: the id of an active subscription',
    async ({ t, gateway, token }) => {
      const socket = await Socket.acknowledged(t, gateway, token);
      socket.subscribe('the one', allEvents);
      socket.subscribe('the one', '{ __typename }');
      await assertClosed(socket, 4409, /^Subscriber for the one already exists$/);
    },
  ],
  [
    '4409 Subscriber for <id> already exists: the id of an active mutation',
    async ({ t, gateway, token }) => {
      const socket = await Socket.acknowledged(t, gateway, token);
      await beginSlowly(socket);
      socket.subscribe('slow', '{ __typename }');
      await assertClosed(socket, 4409, /^Subscriber for slow already exists$/);
    },
  ],
  [
    '4409 with an id that is too long for the close reason: the id is truncated at a character boundary',
    async ({ t, gateway, token }) => {
      for (const id of ['x'.repeat(500), 'ä'.repeat(500), '🍌'.repeat(500)]) {
        const socket = await Socket.acknowledged(t, gateway, token);
        socket.subscribe(id, allEvents);
        socket.subscribe(id, allEvents);
        await assertClosed(socket, 4409, new RegExp(`^Subscriber for (${id[0] === 'x' ? 'x' : 'ä|🍌'})+$`, 'u'));
      }
    },
  ],
];
