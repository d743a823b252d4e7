import assert from 'node:assert/strict';
import { generate } from '../tasks.mjs';
import { codeOf, collect, get, bodyChunks, post, responseJson, split, readUntilTokenExpiry } from './http.mjs';
import { withTimeout } from './timeout.mjs';

const eventStream = { accept: 'text/event-stream' };
const events = 'subscription { taskEvents { status } }';
const follow = 'subscription ($id: ID!) { taskUpdated(id: $id) { status version } }';

/** Yields the blocks of an event stream: their fields, with comments under the empty name. */
async function* blocks(t, response) {
  for await (const block of split(bodyChunks(t, response), '\n\n')) {
    const lines = block.split('\n').map((line) => /^([^:]*):? ?(.*)$/.exec(line));
    yield Object.fromEntries(lines.map(([, name, value]) => [name, value]));
  }
}

/** Returns the next matching block of a stream that may be endless. */
async function find(stream, matches, what) {
  const search = async () => {
    for (;;) {
      const { value, done } = await stream.next();
      assert.ok(!done, `the stream ended without a ${what}`);
      if (matches(value)) return value;
    }
  };
  return withTimeout(search(), what);
}

/** Returns the events of a complete stream, without the comments. */
async function readAll(t, response) {
  assert.equal(response.status, 200);
  assert.match(response.headers.get('content-type'), /^text\/event-stream(;|$)/);
  const read = async () => (await collect(blocks(t, response))).filter(({ event }) => event);
  return withTimeout(read(), 'end of the stream');
}

/** Returns the results of a stream. Fails unless it consists of `next` events and a final `complete`. */
async function results(t, response) {
  const all = await readAll(t, response);
  assert.equal(all.at(-1)?.event, 'complete', `the last event is ${JSON.stringify(all.at(-1))}`);
  const nexts = all.slice(0, -1);
  assert.ok(nexts.every(({ event }) => event === 'next'));
  return nexts.map(({ data }) => JSON.parse(data));
}

async function assertRejected(t, response) {
  const [rejected, ...others] = await results(t, response);
  assert.deepEqual(others, []);
  assert.ok(!('data' in rejected), 'there is data');
  assert.ok(rejected.errors.length > 0, 'there are no errors');
}

const rejected = {
  'no query': {},
  'a document with a syntax error': { query: '{' },
  'a document that the schema does not allow': { query: '{ nothing }' },
  'an operationName that the document does not define': { query: 'query a { __typename }', operationName: 'b' },
  'a variable of the wrong type': { query: follow, variables: { id: [] } },
  'a subscription that the schema does not allow': { query: 'subscription { nothing }' },
  'a subscription whose stream cannot start': { query: 'subscription { taskEvents(after: "nonsense") { status } }' },
};

const rejectedRules = Object.entries(rejected).map(([what, body]) => [
  `next with errors, then complete, with status 200: ${what}`,
  async ({ t, ...user }) => assertRejected(t, await post(user, body, eventStream)),
]);

export const sseSettings = { PLANTAIN_PING_INTERVAL_SECONDS: '1', PLANTAIN_MAX_USER_SOCKETS: '2' };

export const sseRules = [
  [
    'A query is answered as text/event-stream: next with the result, then complete, then the end',
    async ({ t, user, ...rest }) => {
      const response = await post(rest, { query: '{ viewer { id } }' }, eventStream);
      assert.deepEqual(await results(t, response), [{ data: { viewer: { id: user } } }]);
    },
  ],
  [
    'A query by GET, as EventSource sends it, gets the same response',
    async ({ t, ...user }) => {
      const response = await get(user, { query: '{ __typename }' }, eventStream);
      assert.deepEqual(await results(t, response), [{ data: { __typename: 'Query' } }]);
    },
  ],
  [
    'A mutation gets the same response',
    async ({ t, ...user }) => {
      const query = 'mutation { cancelTask(id: "none") { __typename } }';
      const response = await post(user, { query }, eventStream);
      assert.deepEqual(await results(t, response), [{ data: { cancelTask: { __typename: 'NotFound' } } }]);
    },
  ],
  [
    'A subscription is answered with next for each result, and complete when its stream ends',
    async ({ t, ...user }) => {
      const id = await generate(user.gateway, user.token, 'a plantain that is followed [sim:slow=1]');
      const seen = await results(t, await post(user, { query: follow, variables: { id } }, eventStream));
      assert.equal(seen.at(-1).data.taskUpdated.status, 'SUCCEEDED');
      const versions = seen.map(({ data }) => data.taskUpdated.version);
      assert.deepEqual(versions, [...new Set(versions)].sort((one, other) => one - other));
    },
  ],
  [
    'Every event has a data line: EventSource ignores events without one',
    async ({ t, ...user }) => {
      const all = await readAll(t, await post(user, { query: '{ __typename }' }, eventStream));
      const withoutData = all.filter(({ data }) => data === undefined).map(({ event }) => event);
      assert.deepEqual(withoutData, []);
    },
  ],
  [
    'An error in a field is next with data and errors, then complete',
    async ({ t, gateway }) => {
      const query = '{ task(id: "none") { id } __typename }';
      const [result] = await results(t, await post({ gateway }, { query }, eventStream));
      assert.deepEqual(result.data, { task: null, __typename: 'Query' });
      assert.equal(codeOf(result), 'UNAUTHENTICATED');
    },
  ],
  ...rejectedRules,
  [
    'A stream without events is kept alive by comments',
    async ({ t, ...user }) => {
      const stream = blocks(t, await post(user, { query: events }, eventStream));
      for (let comments = 0; comments < 2; comments += 1) await find(stream, (block) => '' in block, 'comment');
    },
  ],
  [
    'A stream ends when its token expires: next with UNAUTHENTICATED, then complete',
    async ({ t, ...user }) => {
      const read = async (viewer) => results(t, await post(viewer, { query: events }, eventStream));
      for (const messages of await readUntilTokenExpiry(user, read)) {
        assert.deepEqual(messages.map(codeOf), ['UNAUTHENTICATED']);
      }
    },
  ],
  [
    '429 and LIMIT_EXCEEDED: more streams of one user than PLANTAIN_MAX_USER_SOCKETS',
    async ({ t, ...user }) => {
      for (let open = 0; open < 2; open += 1) {
        const stream = blocks(t, await post(user, { query: events }, eventStream));
        await find(stream, () => true, 'block');
      }
      const response = await post(user, { query: events }, eventStream);
      assert.equal(response.status, 429);
      const body = await response.json();
      assert.equal(codeOf(body), 'LIMIT_EXCEEDED');
      assert.equal(body.errors[0].extensions.limit, 2);
    },
  ],
  [
    '406: a subscription of a client that accepts no stream',
    async (user) => {
      for (const accept of ['application/json', responseJson, '*/*']) {
        assert.equal((await post(user, { query: events }, { accept })).status, 406, accept);
      }
    },
  ],
];
