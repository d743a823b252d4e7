import assert from 'node:assert/strict';
import { codeOf, get, persisted, post, responseJson, sha256 } from './http.mjs';

/** A document that nobody has sent before: rules run beside each other. */
const fresh = (user) => `{ __typename } # ${user}`;

export async function assertAnswers(response) {
  assert.equal(response.status, 200);
  assert.deepEqual(await response.json(), { data: { __typename: 'Query' } });
}

async function assertNotFound(response) {
  const { errors, data } = await response.json();
  assert.equal(data, undefined);
  assert.equal(errors[0].message, 'PersistedQueryNotFound');
  assert.equal(errors[0].extensions.code, 'PERSISTED_QUERY_NOT_FOUND');
}

export const persistedRules = [
  [
    'A hash that is not known is answered with PersistedQueryNotFound',
    async (user) => {
      const extensions = persisted(sha256(fresh(user.user)));
      const plain = await post(user, { extensions });
      assert.equal(plain.status, 200);
      await assertNotFound(plain);
      const precise = await post(user, { extensions }, { accept: responseJson });
      assert.equal(precise.status, 400);
      await assertNotFound(precise);
    },
  ],
  [
    'The text with its hash is answered, and from then on the hash alone',
    async (user) => {
      const query = fresh(user.user);
      const extensions = persisted(sha256(query));
      await assertNotFound(await post(user, { extensions }));
      await assertAnswers(await post(user, { query, extensions }));
      await assertAnswers(await post(user, { extensions }));
    },
  ],
  [
    'The hash alone is answered by GET',
    async (user) => {
      const query = fresh(user.user);
      const extensions = persisted(sha256(query));
      await assertNotFound(await get(user, { extensions }));
      await assertAnswers(await get(user, { query, extensions }));
      await assertAnswers(await get(user, { extensions }));
    },
  ],
  [
    'A hash of another text is refused, and neither text is known by it',
    async (user) => {
      const extensions = persisted(sha256(fresh(user.user)));
      const refusal = await (await post(user, { query: '{ __typename }', extensions })).json();
      assert.deepEqual(Object.keys(refusal), ['errors']);
      assert.equal(codeOf(refusal), 'BAD_USER_INPUT');
      await assertNotFound(await post(user, { extensions }));
    },
  ],
  [
    'What is no hash is refused beside a text',
    async (user) => {
      for (const hash of ['nonsense', sha256('{ __typename }').slice(1)]) {
        const response = await post(user, { query: '{ __typename }', extensions: persisted(hash) });
        assert.equal(codeOf(await response.json()), 'BAD_USER_INPUT');
      }
    },
  ],
  [
    'A version other than 1 is refused',
    async (user) => {
      const query = fresh(user.user);
      const response = await post(user, { query, extensions: persisted(sha256(query), 2) });
      assert.equal(response.status, 400);
      assert.equal(codeOf(await response.json()), 'BAD_USER_INPUT');
    },
  ],
  [
    'A document that does not fit the schema is not known by its hash',
    async (user) => {
      const query = `{ nothing } # ${user.user}`;
      const extensions = persisted(sha256(query));
      assert.equal(codeOf(await (await post(user, { query, extensions })).json()), 'BAD_USER_INPUT');
      await assertNotFound(await post(user, { extensions }));
    },
  ],
];
