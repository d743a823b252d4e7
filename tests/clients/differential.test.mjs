import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { buildSchema, execute, parse, validate } from 'graphql';
import { createBoard, createFinishedTask } from './console/create-page.mjs';
import { Documents } from './differential/documents.mjs';
import { randomFrom } from './differential/random.mjs';
import { World, argumentSets, failure } from './differential/world.mjs';
import { startGateway } from './lib/gateway.mjs';

const limit = { timeout: 240_000 };
const documentsToRun = 3_000;
/** The same documents in each run. To look for more faults: `DIFFERENTIAL_SEED=2 node --test differential.test.mjs`. */
const seed = Number(process.env.DIFFERENTIAL_SEED ?? 1);

const schema = buildSchema(await readFile(new URL('../../schema.graphql', import.meta.url), 'utf8'));
let gateway, world, token;

before(async () => {
  gateway = await startGateway({
    PLANTAIN_MAX_FIELDS: '100000',
    PLANTAIN_MAX_ALIASES: '100000',
    PLANTAIN_MAX_TOKENS: '1000000',
    PLANTAIN_MAX_COST: '10000000',
    PLANTAIN_MAX_DIRECTIVES: '1000',
    PLANTAIN_MAX_RESPONSE_BYTES: '100000000',
  });
  token = await gateway.token('ana');
  const user = { graphql: data };
  const sets = await createObjects(user);
  world = new World(schema, argumentSets(schema, parse, sets));
  await world.load(data);
}, limit);

after(() => gateway?.stop(), limit);

test('random documents have the same result as with graphql-js', limit, async () => {
  const documents = new Documents(schema, world, randomFrom(seed));
  let valid = 0;
  let failing = 0;
  while (valid < documentsToRun) {
    const { query, variables } = documents.next();
    const document = parse(query);
    if (validate(schema, document).length > 0) continue;
    valid += 1;
    const expected = await execute({
      schema,
      document,
      variableValues: variables,
      rootValue: world.root,
      fieldResolver: world.resolve,
      typeResolver: world.typeOf,
    });
    for (const error of expected.errors ?? []) assert.equal(error.message, failure, error.stack);
    const actual = await request(query, variables);
    failing += expected.errors ? 1 : 0;
    const which = `document ${valid} of seed ${seed}:\n${query}\n${JSON.stringify(variables)}`;
    assert.equal(comparable(actual.data), comparable(expected.data), which);
    assert.deepEqual(unexplained(actual, expected), { missing: [], more: [] }, which);
  }
  // Otherwise the documents would not test what they should.
  assert.ok(failing > documentsToRun / 20, `only ${failing} documents had a failing field`);
});

/** Data in its order. The signature of a link depends on the time. */
function comparable(data) {
  return JSON.stringify(data, null, 1).replace(/\?[^"]*signature=[^"]*/g, '');
}

/** The paths of errors that only one result has. Where an error made an object null, its other fields may fail as well. */
function unexplained(actual, expected) {
  const paths = ({ errors = [] }) => new Set(errors.map(({ path }) => JSON.stringify(path)));
  const [found, wanted] = [paths(actual), paths(expected)];
  const missing = [...wanted].filter((path) => !found.has(path));
  const more = [...found].filter((path) => !wanted.has(path) && !isBelowNull(actual.data, JSON.parse(path)));
  return { missing, more };
}

function isBelowNull(data, path) {
  const parent = path.slice(0, -1).reduce((value, step) => value?.[step], data);
  return parent === null || parent === undefined;
}

async function request(query, variables) {
  const response = await fetch(`${gateway.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ query, variables }),
  });
  return response.json();
}

async function data(query, variables) {
  const result = await request(query, variables);
  assert.equal(result.errors, undefined, JSON.stringify(result.errors));
  return result.data;
}

/** Creates tasks, images and boards, and returns the arguments of the fields that find them. */
async function createObjects(user) {
  const done = await createFinishedTask(user, 'a tin robot', { count: 2, metadata: { page: { number: 1 } } });
  const failed = await createFinishedTask(user, 'a forbidden robot [sim:policy]');
  const boardId = await createBoard(user, 'robots', done.images.map(({ id }) => id));
  await createFinishedTask(user, 'a robot for the board', { boardId });
  const missing = done.id.replace(/....$/, '0000');
  const [image] = done.images;
  const page = ['(first: 2)', '(last: 1)', { text: '(first: 2, after: "nonsense")', fails: true }];
  return {
    'Query.task': [`(id: "${done.id}")`, `(id: "${failed.id}")`, `(id: "${missing}")`],
    'Query.node': [`(id: "${done.id}")`, `(id: "${image.id}")`, `(id: "${boardId}")`, '(id: "nonsense")'],
    'Query.nodes': [`(ids: ["${failed.id}", "${missing}", "${image.id}", "${failed.id}"])`],
    'Query.tasks': [...page, '(first: 3, filter: { status: [SUCCEEDED], kind: GENERATE })'],
    'Query.board': [`(id: "${boardId}")`],
    'Query.boards': page,
    'Query.quote': ['(input: { generate: { prompt: "a cat", count: 2 } })'],
    'Board.images': page,
    'Image.url': ['', '(variant: THUMBNAIL)'],
    'WebhookEndpoint.deliveries': ['(first: 1)'],
    ...forOperators(),
  };
}

/** The fields that only operators may read. */
function forOperators() {
  const refused = (text = '') => [{ text, fails: true }];
  return {
    'Query.allTasks': refused('(first: 2)'),
    'Query.auditLog': refused('(first: 2)'),
    'Query.operations': refused(),
    'Query.userAccount': refused('(userId: "ana")'),
    'Query.unbalancedAccounts': refused(),
    'Query.failingWebhookEndpoints': refused(),
    'Task.jobs': refused(),
    'Task.callbacks': refused(),
  };
}
