import { createHash } from 'node:crypto';

export const responseJson = 'application/graphql-response+json';

export const sha256 = (text) => createHash('sha256').update(text).digest('hex');

/** Returns the `extensions` of an automatic persisted query. */
export const persisted = (hash, version = 1) => ({ persistedQuery: { version, sha256Hash: hash } });

const withToken = (token) => (token ? { authorization: `Bearer ${token}` } : {});

/** Sends a POST with this JSON, or with this string unchanged. */
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

/** Returns the code of the first error. */
export const codeOf = ({ errors }) => errors?.[0].extensions.code;

/** Yields the text of a body in chunks as they arrive. The connection is closed when the test ends. */
export async function* bodyChunks(t, response) {
  const reader = response.body.getReader();
  t.after(() => reader.cancel());
  const decoder = new TextDecoder();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    yield decoder.decode(value, { stream: true });
  }
}

/** Yields the parts between separators, and at the end the rest after the last separator unless it is empty. */
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

/** Reads eight streams until their tokens expire, because a race at the end of a stream affects only some of them. */
export function readUntilTokenExpiry({ gateway, user }, read) {
  const follow = async (_, index) => read({ gateway, token: await gateway.token(`${user}-${index}`, 3) });
  return Promise.all(Array.from({ length: 8 }, follow));
}
