import { createHash } from 'node:crypto';

export const responseJson = 'application/graphql-response+json';

export const sha256 = (text) => createHash('sha256').update(text).digest('hex');

/** The extension of automatic persisted queries. */
export const persisted = (hash, version = 1) => ({ persistedQuery: { version, sha256Hash: hash } });

const withToken = (token) => (token ? { authorization: `Bearer ${token}` } : {});

/** A POST of this JSON, or of this text as it is. */
export function post({ gateway, token }, body, headers = {}) {
  return fetch(`${gateway.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...withToken(token), ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

export function get({ gateway, token }, parameters, headers = {}) {
  const texts = Object.entries(parameters).map(([name, value]) => [
    name,
    typeof value === 'string' ? value : JSON.stringify(value),
  ]);
  const url = `${gateway.url}/graphql?${new URLSearchParams(texts)}`;
  return fetch(url, { headers: { ...withToken(token), ...headers } });
}

/** The code of the first error. */
export const codeOf = ({ errors }) => errors?.[0].extensions.code;

/** The text of a body piece by piece, as it comes; the connection ends with the test. */
export async function* pieces(t, response) {
  const reader = response.body.getReader();
  t.after(() => reader.cancel());
  const decoder = new TextDecoder();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    yield decoder.decode(value, { stream: true });
  }
}

/** What stands between separators; what follows the last one comes in the end, if it is anything. */
export async function* split(texts, separator) {
  let rest = '';
  for await (const text of texts) {
    const parts = (rest + text).split(separator);
    rest = parts.pop();
    yield* parts;
  }
  if (rest) yield rest;
}

export async function collect(values) {
  const all = [];
  for await (const value of values) all.push(value);
  return all;
}

/** What streams say up to the end of their tokens: several, because what may go wrong at the end need not. */
export function untilExpiry({ gateway, user }, read) {
  const follow = async (_, index) => read({ gateway, token: await gateway.token(`${user}-${index}`, 3) });
  return Promise.all(Array.from({ length: 8 }, follow));
}
