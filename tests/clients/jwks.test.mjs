import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { SignJWT, UnsecuredJWT, exportJWK, exportSPKI, generateKeyPair } from 'jose';
import { startGateway } from './lib/gateway.mjs';

const limit = { timeout: 120_000 };
const algorithms = ['RS256', 'ES256', 'EdDSA'];

const pairs = {};
let server, gateway;
before(async () => {
  for (const alg of algorithms) pairs[alg] = await generateKeyPair(alg, { extractable: true });
  const keys = algorithms.map(async (alg) => ({ ...(await exportJWK(pairs[alg].publicKey)), kid: `key-${alg}` }));
  const document = JSON.stringify({ keys: await Promise.all(keys) });
  server = createServer((_, response) => response.end(document)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  gateway = await startGateway({
    PLANTAIN_JWKS_URL: `http://127.0.0.1:${server.address().port}/auth/v1/.well-known/jwks.json`,
    PLANTAIN_JWT_AUDIENCE: 'authenticated',
  });
}, limit);
after(async () => {
  await gateway?.stop();
  server?.close();
}, limit);

const withClaims = (token) =>
  token.setSubject('ana').setAudience('authenticated').setIssuedAt().setExpirationTime('1h');
const token = (alg, kid = `key-${alg}`) =>
  withClaims(new SignJWT({ role: 'authenticated' })).setProtectedHeader({ alg, kid });

async function statusWith(token) {
  const response = await fetch(`${gateway.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ query: '{ viewer { id } }' }),
  });
  const { data, errors } = await response.json();
  assert.equal(response.status === 200, data?.viewer?.id === 'ana', JSON.stringify(errors));
  return response.status;
}

for (const alg of algorithms) {
  test(`a token that jose signs with ${alg} is accepted`, limit, async () => {
    assert.equal(await statusWith(await token(alg).sign(pairs[alg].privateKey)), 200);
  });

  test(`a token signed by another ${alg} key is rejected`, limit, async () => {
    const { privateKey } = await generateKeyPair(alg);
    assert.equal(await statusWith(await token(alg).sign(privateKey)), 401);
  });

  test(`a token signed by HS256 with the public ${alg} key is rejected`, limit, async () => {
    const pem = new TextEncoder().encode(await exportSPKI(pairs[alg].publicKey));
    assert.equal(await statusWith(await token('HS256', `key-${alg}`).sign(pem)), 401);
  });
}

test('an unsigned token is rejected', limit, async () => {
  assert.equal(await statusWith(withClaims(new UnsecuredJWT({})).encode()), 401);
});

test('a token for another audience is rejected', limit, async () => {
  const otherAudience = token('ES256').setAudience('anon');
  assert.equal(await statusWith(await otherAudience.sign(pairs.ES256.privateKey)), 401);
});

test('tokens signed with the HS256 secret are still accepted', limit, async () => {
  assert.equal(await statusWith(await gateway.token('ana')), 200);
});
