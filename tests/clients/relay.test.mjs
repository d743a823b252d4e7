import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const compiler = createRequire(import.meta.url)('relay-compiler');
const source = fileURLToPath(new URL('relay/Gallery.js', import.meta.url));
const schema = fileURLToPath(new URL('../../schema.graphql', import.meta.url));
const limit = { timeout: 60_000 };

/** Compiles a module that contains documents, and returns the names of the generated files. */
async function compile(t, text) {
  const folder = await mkdtemp(join(tmpdir(), 'plantain-relay-'));
  t.after(() => rm(folder, { recursive: true }));
  await mkdir(join(folder, 'src'));
  await mkdir(join(folder, 'generated'));
  await cp(schema, join(folder, 'schema.graphql'));
  await writeFile(join(folder, 'src', 'Gallery.js'), text);
  const config = {
    src: './src',
    schema: './schema.graphql',
    artifactDirectory: './generated',
    language: 'javascript',
    eagerEsModules: true,
  };
  await writeFile(join(folder, 'relay.config.json'), JSON.stringify(config));
  await promisify(execFile)(compiler, ['--output', 'quiet-with-errors'], { cwd: folder });
  return readdir(join(folder, 'generated'));
}

test('Relay compiles a connection, refetch queries through node, a mutation and a subscription', limit, async (t) => {
  const written = await compile(t, await readFile(source, 'utf8'));

  for (const name of ['GalleryQuery', 'GalleryHistoryPaginationQuery', 'GalleryTaskRefetchQuery']) {
    assert.ok(written.includes(`${name}.graphql.js`), `${name} is not among ${written}`);
  }
});

test('Relay rejects a document that the schema does not allow', limit, async (t) => {
  const text = (await readFile(source, 'utf8')).replace('thumbhash', 'blurhash');
  await assert.rejects(compile(t, text), /blurhash/);
});
