import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { codeOf, get, persisted, post, responseJson, sha256 } from './http.mjs';
import { assertAnswers } from './persisted.mjs';
import { answers, assertRefused } from './socket-asserts.mjs';
import { Socket } from './socket.mjs';

const trusted = 'query Trusted { __typename }';
const hash = sha256(trusted);

/** Settings with a file of one trusted document, in the form that Relay and GraphQL Code Generator write. */
export async function trustedSettings() {
  const folder = await mkdtemp(join(tmpdir(), 'plantain-trusted-'));
  after(() => rm(folder, { recursive: true }));
  const file = join(folder, 'documents.json');
  await writeFile(file, JSON.stringify({ [hash]: trusted }));
  return { PLANTAIN_TRUSTED_DOCUMENTS: file };
}

const strangers = {
  'another text': { query: '{ __typename }' },
  'a text that differs by a space': { query: `${trusted} ` },
  'the schema': { query: '{ __schema { types { name } } }' },
  'a text under a trusted name': { query: '{ viewer { id } }', documentId: hash },
  'a name that is not in the file': { documentId: sha256('{ __typename }') },
  'a hash that is not in the file': { extensions: persisted(sha256('{ __typename }')) },
};

export const trustedRules = [
  [
    'The documentId of a trusted document is answered, by POST and by GET',
    async (user) => {
      for (const documentId of [hash, `sha256:${hash}`]) {
        await assertAnswers(await post(user, { documentId }));
        await assertAnswers(await get(user, { documentId }));
      }
    },
  ],
  [
    'The hash of a trusted document is answered as a persisted query',
    async (user) => assertAnswers(await post(user, { extensions: persisted(hash) })),
  ],
  [
    'The exact text of a trusted document is answered',
    async (user) => assertAnswers(await post(user, { query: trusted })),
  ],
  [
    'Over a WebSocket, both are answered',
    async ({ t, gateway, token }) => {
      const socket = await Socket.acknowledged(t, gateway, token);
      for (const payload of [{ documentId: hash }, { query: trusted }]) {
        socket.send({ type: 'subscribe', id: '1', payload });
        const [next] = await answers(socket, '1');
        assert.deepEqual(next.payload, { data: { __typename: 'Query' } });
      }
    },
  ],
  ...Object.entries(strangers).map(([what, body]) => [
    `FORBIDDEN, over HTTP and over a WebSocket: ${what}`,
    async ({ t, gateway, token }) => {
      const response = await post({ gateway, token }, body, { accept: responseJson });
      assert.equal(response.status, 403);
      const refusal = await response.json();
      assert.deepEqual(Object.keys(refusal), ['errors']);
      assert.equal(codeOf(refusal), 'FORBIDDEN');
      const socket = await Socket.acknowledged(t, gateway, token);
      const [{ extensions }] = await assertRefused(socket, body);
      assert.equal(extensions.code, 'FORBIDDEN');
    },
  ]),
];
