import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { buildClientSchema, buildSchema, getIntrospectionQuery, lexicographicSortSchema, printSchema } from 'graphql';
import { codeOf, get, post, responseJson } from './http.mjs';

const aMutation = 'mutation { cancelTask(id: "none") { __typename } }';
const typename = { query: '{ __typename }' };

async function assertRejected(response, status, code) {
  assert.equal(response.status, status);
  const rejected = await response.json();
  assert.deepEqual(Object.keys(rejected), ['errors']);
  assert.equal(codeOf(rejected), code);
  return rejected.errors[0];
}

/** Sends the CORS preflight request of a page of this origin. */
function preflight(gateway, origin) {
  return fetch(`${gateway.url}/graphql`, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization,content-type',
    },
  });
}

const printed = (schema) => printSchema(lexicographicSortSchema(schema));
const introspectionOptions = {
  descriptions: true,
  specifiedByUrl: true,
  directiveIsRepeatable: true,
  inputValueDeprecation: true,
  oneOf: true,
};

const list = (text) => text.toLowerCase().split(/, */);

export const httpRules = [
  [
    '405 with Allow: POST: a mutation sent by GET, which is not executed',
    async (user) => {
      const response = await get(user, { query: aMutation });
      await assertRejected(response, 405, 'BAD_USER_INPUT');
      assert.equal(response.headers.get('allow'), 'POST');
    },
  ],
  [
    '405 with Allow: another method',
    async ({ gateway }) => {
      for (const method of ['PUT', 'PATCH', 'DELETE']) {
        const response = await fetch(`${gateway.url}/graphql`, { method });
        assert.equal(response.status, 405);
        const allowed = list(response.headers.get('allow'));
        assert.ok(allowed.includes('get') && allowed.includes('post'), `Allow is ${allowed}`);
      }
    },
  ],
  [
    '415: a Content-Type other than JSON in UTF-8, for example one that a page can send without a preflight',
    async (user) => {
      const types = ['text/plain', 'application/x-www-form-urlencoded', 'application/json; charset=utf-16'];
      for (const type of types) {
        await assertRejected(await post(user, typename, { 'content-type': type }), 415, 'BAD_USER_INPUT');
      }
    },
  ],
  [
    '413 with the limit: a body of more than PLANTAIN_MAX_REQUEST_BYTES',
    async (user) => {
      const body = (bytes) => JSON.stringify(typename).padEnd(bytes);
      assert.equal((await post(user, body(1_048_576))).status, 200);
      const { extensions } = await assertRejected(await post(user, body(1_048_577)), 413, 'LIMIT_EXCEEDED');
      assert.equal(extensions.bound, 'requestBytes');
      assert.equal(extensions.limit, 1_048_576);
    },
  ],
  [
    '400 and LIMIT_EXCEEDED: a batch',
    async (user) => {
      for (const batch of [[typename], [typename, typename], []]) {
        await assertRejected(await post(user, batch), 400, 'LIMIT_EXCEEDED');
      }
    },
  ],
  [
    '401 with WWW-Authenticate: an invalid token',
    async ({ gateway }) => {
      const response = await post({ gateway, token: 'nonsense' }, typename);
      await assertRejected(response, 401, 'UNAUTHENTICATED');
      assert.match(response.headers.get('www-authenticate'), /^Bearer/);
    },
  ],
  [
    '406: an unsupported media type in Accept',
    async (user) => assertRejected(await post(user, typename, { accept: 'text/html' }), 406, 'BAD_USER_INPUT'),
  ],
  [
    'The response has the media type that Accept prefers, and Vary names Accept',
    async (user) => {
      const expectedTypes = {
        [`${responseJson}, application/json;q=0.9`]: responseJson,
        [`${responseJson};q=0.1, application/json`]: 'application/json',
        'text/event-stream, application/json;q=0.5': 'text/event-stream',
        '*/*': 'application/json',
      };
      for (const [accept, form] of Object.entries(expectedTypes)) {
        const response = await post(user, typename, { accept });
        assert.equal(response.headers.get('content-type').split(';')[0], form, accept);
        assert.ok(list(response.headers.get('vary')).includes('accept'), `${form}: Vary does not name Accept`);
        await response.text();
      }
    },
  ],
  [
    'CORS allows pages of localhost, under `plantain dev`',
    async ({ gateway }) => {
      for (const origin of ['http://localhost:5173', 'http://127.0.0.1:3000', 'http://[::1]:8080']) {
        const { ok, headers } = await preflight(gateway, origin);
        assert.ok(ok);
        assert.equal(headers.get('access-control-allow-origin'), origin);
        assert.ok(list(headers.get('access-control-allow-methods')).includes('post'));
        const allowed = list(headers.get('access-control-allow-headers'));
        assert.ok(allowed.includes('authorization') && allowed.includes('content-type'), `Access-Control-Allow-Headers is ${allowed}`);
        assert.ok(list(headers.get('vary')).includes('origin'));
      }
    },
  ],
  [
    'CORS does not allow pages of other origins',
    async (user) => {
      for (const origin of ['https://elsewhere.example', 'http://localhost.elsewhere.example', 'null']) {
        const preflighted = await preflight(user.gateway, origin);
        assert.equal(preflighted.headers.get('access-control-allow-origin'), null);
        const answered = await post(user, typename, { origin });
        assert.equal(answered.headers.get('access-control-allow-origin'), null);
      }
    },
  ],
  [
    'Introspection returns the same schema as schema.graphql',
    async (user) => {
      const answer = await (await post(user, { query: getIntrospectionQuery(introspectionOptions) })).json();
      assert.equal(answer.errors, undefined, JSON.stringify(answer.errors));
      const file = await readFile(new URL('../../../../schema.graphql', import.meta.url), 'utf8');
      assert.equal(printed(buildClientSchema(answer.data)), printed(buildSchema(file)));
    },
  ],
];
