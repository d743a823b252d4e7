import assert from 'node:assert/strict';
import { generate } from '../tasks.mjs';
import { codeOf, collect, bodyChunks, post, split, readUntilTokenExpiry } from './http.mjs';
import { withTimeout } from './timeout.mjs';

/** The Accept header of Apollo Client. */
const multipart = { accept: 'multipart/mixed;boundary=graphql;subscriptionSpec=1.0,application/json' };
const events = 'subscription { taskEvents { status } }';
const follow = 'subscription ($id: ID!) { taskUpdated(id: $id) { status version } }';

/** Yields the parts of a multipart body. The last one is the text after the last boundary. */
const parts = (t, response) => split(bodyChunks(t, response), '\r\n--graphql');

/** Returns the JSON of a part. A heartbeat is an empty object. */
function read(part) {
  const [head, body] = part.split('\r\n\r\n');
  assert.match(head, /^\r\ncontent-type: application\/json(;|$)/i);
  return JSON.parse(body);
}

/** Returns the messages of a complete stream without its heartbeats. */
async function readAll(t, response) {
  assert.equal(response.status, 200);
  const [preamble, ...all] = await withTimeout(collect(parts(t, response)), 'end of the stream');
  assert.equal(preamble, '', 'there is text before the first boundary');
  assert.match(all.pop(), /^--(\r\n)?$/, 'the closing boundary is missing');
  return all.map(read).filter((message) => Object.keys(message).length > 0);
}

async function fatal(t, user) {
  const query = 'subscription { taskEvents(after: "nonsense") { status } }';
  const messages = await readAll(t, await post(user, { query }, multipart));
  assert.equal(messages.length, 1);
  return messages[0];
}

export const multipartSettings = { PLANTAIN_PING_INTERVAL_SECONDS: '1' };

export const multipartRules = [
  [
    'The content type is multipart/mixed with boundary="graphql" and subscriptionSpec="1.0"',
    async ({ t, ...user }) => {
      const response = await post(user, { query: events }, multipart);
      bodyChunks(t, response).next();
      const [type, ...parameters] = response.headers.get('content-type').split(/; */);
      assert.equal(type, 'multipart/mixed');
      assert.deepEqual(parameters.sort(), ['boundary="graphql"', 'subscriptionSpec="1.0"']);
    },
  ],
  [
    'Each result is a part of type application/json, under payload; the closing boundary ends the stream',
    async ({ t, ...user }) => {
      const id = await generate(user.gateway, user.token, 'a plantain that is followed [sim:slow=1]');
      const messages = await readAll(t, await post(user, { query: follow, variables: { id } }, multipart));
      for (const message of messages) assert.deepEqual(Object.keys(message), ['payload']);
      assert.equal(messages.at(-1).payload.data.taskUpdated.status, 'SUCCEEDED');
      const versions = messages.map(({ payload }) => payload.data.taskUpdated.version);
      assert.deepEqual(versions, [...new Set(versions)].sort((one, other) => one - other));
    },
  ],
  [
    'A stream without events is kept alive by heartbeats, {}',
    async ({ t, ...user }) => {
      const stream = parts(t, await post(user, { query: events }, multipart));
      assert.equal((await withTimeout(stream.next(), 'boundary')).value, '');
      for (let heartbeats = 0; heartbeats < 2; heartbeats += 1) {
        assert.deepEqual(read((await withTimeout(stream.next(), 'heartbeat')).value), {});
      }
    },
  ],
  [
    'An error that ends the stream is sent as errors with payload null, followed by the closing boundary',
    async ({ t, ...user }) => {
      const message = await fatal(t, user);
      assert.equal(message.payload, null);
      assert.equal(codeOf(message), 'BAD_USER_INPUT');
    },
  ],
  [
    'Errors that end the stream have neither locations nor path',
    async ({ t, ...user }) => {
      const names = (await fatal(t, user)).errors.flatMap(Object.keys);
      assert.deepEqual(names.filter((name) => ['locations', 'path'].includes(name)), []);
    },
  ],
  [
    'A stream ends when its token expires: payload null and UNAUTHENTICATED',
    async ({ t, ...user }) => {
      const read = async (viewer) => readAll(t, await post(viewer, { query: events }, multipart));
      for (const messages of await readUntilTokenExpiry(user, read)) {
        assert.deepEqual(messages.map(codeOf), ['UNAUTHENTICATED']);
        assert.equal(messages[0].payload, null);
      }
    },
  ],
  [
    'Queries, and subscriptions that the schema does not allow, get an application/json response',
    async (user) => {
      for (const [query, name] of [['subscription { nothing }', 'errors'], ['{ __typename }', 'data']]) {
        const response = await post(user, { query }, multipart);
        assert.match(response.headers.get('content-type'), /^application\/json/);
        assert.deepEqual(Object.keys(await response.json()), [name]);
      }
    },
  ],
];
