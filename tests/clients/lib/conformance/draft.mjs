import assert from 'node:assert/strict';
import { codeOf, get, post, responseJson } from './http.mjs';

export const draftSettings = { PLANTAIN_HTTP_PROFILE: 'draft' };

const byId = 'query ($id: ID!) { task(id: $id) { id } }';

/** Requests that are refused: what, the body, and the status. */
const refused = [
  ['a body that is no JSON', '{"query":', 400],
  ['a document that is no GraphQL', { query: '{' }, 400],
  ['a request without a query', { qeury: '{ __typename }' }, 422],
  ['variables that are no object', { query: byId, variables: [7] }, 422],
  ['a document that does not fit the schema', { query: '{ nothing }' }, 422],
  ['the name of no operation in the document', { query: 'query a { __typename }', operationName: 'b' }, 422],
  ['no name where there are several operations', { query: 'query a { __typename } query b { __typename }' }, 422],
  ['a missing variable', { query: byId }, 422],
  ['a variable that does not fit its type', { query: byId, variables: { id: [] } }, 422],
];

const accepts = [responseJson, 'application/json'];

async function assertAnswered(response, status, form) {
  assert.equal(response.status, status);
  assert.equal(response.headers.get('content-type').split(';')[0], form);
  return response.json();
}

export const draftRules = [
  ...refused.map(([what, body, status]) => [
    `${status}: ${what}`,
    async (user) => {
      for (const accept of accepts) {
        const response = await post(user, body, { accept });
        assert.equal(response.status, status, `${response.status} for ${accept}`);
        const refusal = await response.json();
        assert.deepEqual(Object.keys(refusal), ['errors']);
        assert.equal(codeOf(refusal), 'BAD_USER_INPUT');
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
    'A refusal is application/graphql-response+json also for a client that accepts application/json only',
    async (user) => {
      const response = await post(user, { query: '{ nothing }' }, { accept: 'application/json' });
      await assertAnswered(response, 422, responseJson);
    },
  ],
  [
    '405 with Allow: a mutation by GET',
    async (user) => {
      const response = await get(user, { query: 'mutation { cancelTask(id: "none") { __typename } }' });
      assert.equal(response.status, 405);
      assert.equal(response.headers.get('allow'), 'POST');
    },
  ],
  [
    '406: a form that there is not',
    async (user) => assert.equal((await post(user, { query: '{ __typename }' }, { accept: 'text/html' })).status, 406),
  ],
  [
    '413: a body that is too large',
    async (user) => assert.equal((await post(user, ' '.repeat(1_048_577))).status, 413),
  ],
  [
    '415: a content type that there is not',
    async (user) => {
      const response = await post(user, '{ __typename }', { 'content-type': 'application/graphql' });
      assert.equal(response.status, 415);
    },
  ],
];
