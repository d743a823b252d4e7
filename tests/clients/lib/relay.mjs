import { execFile } from 'node:child_process';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { temporaryFolder } from './program.mjs';

export const schema = fileURLToPath(new URL('../../../schema.graphql', import.meta.url));
const compiler = createRequire(import.meta.url)('relay-compiler');

/** Compiles a module that contains documents, and returns the folder of the generated modules. */
export async function compile(t, name, text) {
  const folder = await temporaryFolder(t);
  await mkdir(join(folder, 'src'));
  await mkdir(join(folder, 'generated'));
  await cp(schema, join(folder, 'schema.graphql'));
  await writeFile(join(folder, 'src', name), text);
  const config = {
    src: './src',
    schema: './schema.graphql',
    artifactDirectory: './generated',
    language: 'javascript',
    eagerEsModules: true,
  };
  await writeFile(join(folder, 'relay.config.json'), JSON.stringify(config));
  await writeFile(join(folder, 'package.json'), '{"type": "module"}');
  await promisify(execFile)(compiler, ['--output', 'quiet-with-errors'], { cwd: folder });
  return join(folder, 'generated');
}
