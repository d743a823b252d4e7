import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { preset } from '@graphql-codegen/client-preset';
import { codegen } from '@graphql-codegen/core';
import { buildASTSchema, parse } from 'graphql';

const here = fileURLToPath(new URL('.', import.meta.url));
const limit = { timeout: 60_000 };

/** Creates a folder with `uses.ts` and, in `generated`, the types of `operations.graphql`. */
async function generateTypes(t) {
  const folder = await mkdtemp(join(tmpdir(), 'plantain-codegen-'));
  t.after(() => rm(folder, { recursive: true }));
  await mkdir(join(folder, 'generated'));
  await symlink(join(here, 'node_modules'), join(folder, 'node_modules'));
  await cp(join(here, 'codegen/uses.ts'), join(folder, 'uses.ts'));

  const schema = parse(await readFile(join(here, '../../schema.graphql'), 'utf8'));
  const operations = await readFile(join(here, 'codegen/operations.graphql'), 'utf8');
  // The same calls as the command line makes for a configuration with this preset.
  const files = await preset.buildGeneratesSection({
    baseOutputDir: join(folder, 'generated/'),
    schema,
    schemaAst: buildASTSchema(schema),
    documents: [{ location: 'operations.graphql', document: parse(operations), rawSDL: operations }],
    config: { useTypeImports: true, scalars: { DateTime: 'string', URI: 'string', JSON: 'unknown' } },
    presetConfig: {},
    plugins: [],
    pluginMap: {},
  });
  for (const file of files) await writeFile(file.filename, await codegen(file));
  return folder;
}

function typeCheck(folder) {
  const options = ['--noEmit', '--strict', '--target', 'es2022', '--module', 'preserve', '--types', ''];
  const compiler = join(here, 'node_modules/.bin/tsc');
  return promisify(execFile)(compiler, [...options, 'uses.ts', 'generated/index.ts'], { cwd: folder });
}

test('the types that GraphQL Code Generator generates pass the strict TypeScript checks', limit, async (t) => {
  const folder = await generateTypes(t);
  try {
    await typeCheck(folder);
  } catch ({ stdout, message }) {
    assert.fail(stdout || message);
  }
});

test('a use that the generated types do not allow is a type error', limit, async (t) => {
  const folder = await generateTypes(t);
  const uses = join(folder, 'uses.ts');
  await writeFile(uses, (await readFile(uses, 'utf8')).replace('// @ts-expect-error: no such status.', ''));
  await assert.rejects(typeCheck(folder), ({ stdout }) => stdout.includes('"DONE"'));
});
