import assert from 'node:assert/strict';
import { codeOf, get, post, responseJson } from './http.mjs';

export const draftSettings = { PLANTAIN_HTTP_PROFILE: 'draft' };

const byId = 'query ($id: ID!) { task(id: $id) { id } }';

/** Rejected requests: description, body, status. */
const rejected = [
  ['a body that is not valid JSON', '{"query":', 400],
  ['a document with a syntax error', { query: '{' }, 400],
  ['a request without a query', { qeury: '{ __typename }' }, 422],
  ['variables that are not an object', { query: byId, variables: [7] }, 422],
  ['a document that the schema does not allow', { query: '{ nothing }' }, 422],
  ['an operationName that the document does not define', { query: 'query a { __typename }', operationName: 'b' }, 422],
  ['no operationName for a document with several operations', { query: 'query a { __typename } query b { __typename }' }, 422],
  ['a missing variable', { query: byId }, 422],
  ['a variable of the wrong type', { query: byId, variables: { id: [] } }, 422],
];

const accepts = [responseJson, 'application/json'];

async function assertAnswered(response, status, mediaType) {
  assert.equal(response.status, status);
  assert.equal(response.headers.get('content-type').split(';')[0], mediaType);
  return response.json();
}

export const draftRules = [
  ...rejected.map(([what, request, status]) => [
    `${status}: ${what}`,
    async (user) => {
      for (const accept of accepts) {
        const response = await post(user, request, { accept });
        assert.equal(response.status, status, `${response.status} for ${accept}`);
        const body = await response.json();
        assert.deepEqual(Object.keys(body), ['errors']);
        assert.equal(codeOf(body), 'BAD_USER_INPUT');
      }
    },
  ]),
  [
    '294 Partial success: data and errors',
    async ({ gateway }) => {
      const query = '{ task(id: "none") { id } __typename }';
      for (const accept of accepts) {
        const answer = await assertAnswered(await post({ gateway }, { query }, { accept }), 294, accept);
        assert.deepEqual(answer.data, { task: null, __typename: 'Query' });
        assert.equal(codeOf(answer), 'UNAUTHENTICATED');
      }
    },
  ],
  [
    '294 Partial success: data that is null, and errors',
    async ({ gateway }) => {
      const response = await post({ gateway }, { query: '{ viewer { id } }' }, { accept: responseJson });
      assert.equal((await assertAnswered(response, 294, responseJson)).data, null);
    },
  ],
  [
    '200: data without errors',
    async (user) => {
      for (const accept of accepts) {
        await assertAnswered(await post(user, { query: '{ viewer { id } }' }, { accept }), 200, accept);
      }
    },
  ],
  [
    'An error response is application/graphql-response+json even if the client accepts only application/json',
    async (user) => {
      const response = await post(user, { query: '{ nothing }' }, { accept: 'application/json' });
      await assertAnswered(response, 422, responseJson);
    },
  ],
  [
    '405 with Allow: a mutation sent by GET',
    async (user) => {
      const response = await get(user, { query: 'mutation { cancelTask(id: "none") { __typename } }' });
      assert.equal(response.status, 405);
      assert.equal(response.headers.get('allow'), 'POST');
    },
  ],
  [
    '406: an unsupported media type in Accept',
    async (user) => assert.equal((await post(user, { query: '{ __typename }' }, { accept: 'text/html' })).status, 406),
  ],
  [
    '413: a body that is too large',
    async (user) => assert.equal((await post(user, ' '.repeat(1_048_577))).status, 413),
  ],
  [
    '415: an unsupported Content-Type',
    async (user) => {
      const response = await post(user, '{ __typename }', { 'content-type': 'application/graphql' });
      assert.equal(response.status, 415);
    },
  ],
];
