import assert from 'node:assert/strict';
import { codeOf, get, persisted, post, responseJson, sha256 } from './http.mjs';

/** Returns a document that no other rule sends: the rules run concurrently. */
const fresh = (user) => `{ __typename } # ${user}`;

export async function assertExecuted(response) {
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
    'An unknown hash returns PersistedQueryNotFound',
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
    'A document with its hash is executed, and from then on the hash is sufficient',
    async (user) => {
      const query = fresh(user.user);
      const extensions = persisted(sha256(query));
      await assertNotFound(await post(user, { extensions }));
      await assertExecuted(await post(user, { query, extensions }));
      await assertExecuted(await post(user, { extensions }));
    },
  ],
  [
    'The hash is sufficient by GET',
    async (user) => {
      const query = fresh(user.user);
      const extensions = persisted(sha256(query));
      await assertNotFound(await get(user, { extensions }));
      await assertExecuted(await get(user, { query, extensions }));
      await assertExecuted(await get(user, { extensions }));
    },
  ],
  [
    'A hash of another document is rejected, and nothing is stored for it',
    async (user) => {
      const extensions = persisted(sha256(fresh(user.user)));
      const rejected = await (await post(user, { query: '{ __typename }', extensions })).json();
      assert.deepEqual(Object.keys(rejected), ['errors']);
      assert.equal(codeOf(rejected), 'BAD_USER_INPUT');
      await assertNotFound(await post(user, { extensions }));
    },
  ],
  [
    'A malformed hash is rejected, even with a document',
    async (user) => {
      for (const hash of ['nonsense', sha256('{ __typename }').slice(1)]) {
        const response = await post(user, { query: '{ __typename }', extensions: persisted(hash) });
        assert.equal(codeOf(await response.json()), 'BAD_USER_INPUT');
      }
    },
  ],
  [
    'A version other than 1 is rejected',
    async (user) => {
      const query = fresh(user.user);
      const response = await post(user, { query, extensions: persisted(sha256(query), 2) });
      assert.equal(response.status, 400);
      assert.equal(codeOf(await response.json()), 'BAD_USER_INPUT');
    },
  ],
  [
    'A document that the schema does not allow is not stored under its hash',
    async (user) => {
      const query = `{ nothing } # ${user.user}`;
      const extensions = persisted(sha256(query));
      assert.equal(codeOf(await (await post(user, { query, extensions })).json()), 'BAD_USER_INPUT');
      await assertNotFound(await post(user, { extensions }));
    },
  ],
];
