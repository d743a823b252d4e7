import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { codeOf, get, persisted, post, responseJson, sha256 } from './http.mjs';
import { assertExecuted } from './persisted.mjs';
import { operationMessages, assertRejected } from './socket-asserts.mjs';
import { Socket } from './socket.mjs';

const trusted = 'query Trusted { __typename }';
const hash = sha256(trusted);

/** Returns settings with a file of one trusted document, in the format of Relay and GraphQL Code Generator. */
export async function trustedSettings() {
  const folder = await mkdtemp(join(tmpdir(), 'plantain-trusted-'));
  after(() => rm(folder, { recursive: true }));
  const file = join(folder, 'documents.json');
  await writeFile(file, JSON.stringify({ [hash]: trusted }));
  return { PLANTAIN_TRUSTED_DOCUMENTS: file };
}

const untrusted = {
  'another document': { query: '{ __typename }' },
  'a document that differs by a space': { query: `${trusted} ` },
  'an introspection query': { query: '{ __schema { types { name } } }' },
  'another document with a trusted documentId': { query: '{ viewer { id } }', documentId: hash },
  'a documentId that is not in the file': { documentId: sha256('{ __typename }') },
  'a hash that is not in the file': { extensions: persisted(sha256('{ __typename }')) },
};

export const trustedRules = [
  [
    'The documentId of a trusted document is accepted by POST and by GET',
    async (user) => {
      for (const documentId of [hash, `sha256:${hash}`]) {
        await assertExecuted(await post(user, { documentId }));
        await assertExecuted(await get(user, { documentId }));
      }
    },
  ],
  [
    'The hash of a trusted document is accepted as a persisted query',
    async (user) => assertExecuted(await post(user, { extensions: persisted(hash) })),
  ],
  [
    'The exact text of a trusted document is accepted',
    async (user) => assertExecuted(await post(user, { query: trusted })),
  ],
  [
    'Over a WebSocket, the documentId and the exact text are accepted',
    async ({ t, gateway, token }) => {
      const socket = await Socket.acknowledged(t, gateway, token);
      for (const payload of [{ documentId: hash }, { query: trusted }]) {
        socket.send({ type: 'subscribe', id: '1', payload });
        const [next] = await operationMessages(socket, '1');
        assert.deepEqual(next.payload, { data: { __typename: 'Query' } });
      }
    },
  ],
  ...Object.entries(untrusted).map(([what, body]) => [
    `FORBIDDEN, over HTTP and over a WebSocket: ${what}`,
    async ({ t, gateway, token }) => {
      const response = await post({ gateway, token }, body, { accept: responseJson });
      assert.equal(response.status, 403);
      const rejected = await response.json();
      assert.deepEqual(Object.keys(rejected), ['errors']);
      assert.equal(codeOf(rejected), 'FORBIDDEN');
      const socket = await Socket.acknowledged(t, gateway, token);
      const [{ extensions }] = await assertRejected(socket, body);
      assert.equal(extensions.code, 'FORBIDDEN');
    },
  ]),
];
