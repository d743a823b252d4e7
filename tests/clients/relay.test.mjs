import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { test } from 'node:test';
import { compile } from './lib/relay.mjs';

const source = new URL('relay/Gallery.js', import.meta.url);
const limit = { timeout: 60_000 };

test('Relay compiles a connection, refetch queries through node, a mutation and a subscription', limit, async (t) => {
  const written = await readdir(await compile(t, 'Gallery.js', await readFile(source, 'utf8')));

  for (const name of ['GalleryQuery', 'GalleryHistoryPaginationQuery', 'GalleryTaskRefetchQuery']) {
    assert.ok(written.includes(`${name}.graphql.js`), `${name} is not among ${written}`);
  }
});

test('Relay rejects a document that the schema does not allow', limit, async (t) => {
  const text = (await readFile(source, 'utf8')).replace('thumbhash', 'blurhash');
  await assert.rejects(compile(t, 'Gallery.js', text), /blurhash/);
});
