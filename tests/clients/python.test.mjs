import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startGateway } from './lib/gateway.mjs';
import { environment, examples, run, runCutOff, temporaryFolder } from './lib/program.mjs';
import { pythonWith } from './lib/python.mjs';
import { assertImage, wholeLife } from './lib/tasks.mjs';

const limit = { timeout: 120_000 };

let gateway, python;
before(
  async () => {
    python = await pythonWith('example', join(examples, 'python/requirements.txt'));
    gateway = await startGateway();
  },
  { timeout: 600_000 },
);
after(() => gateway?.stop(), limit);

const script = join(examples, 'python/generate.py');

test('the Python example saves its image, and misses nothing while it is cut off', limit, async (t) => {
  const cwd = await temporaryFolder(t);
  const lines = await runCutOff(t, gateway, 'pythonista', python, [script, 'a tin robot', 'robot'], { cwd });

  assert.deepEqual(lines.slice(0, -1), wholeLife);
  assertImage(await readFile(join(cwd, lines.at(-1))));
});

test('the Python example ends with the reason when it is refused', limit, async (t) => {
  const token = await gateway.token('pythonista');
  const draw = (prompt, as = token) => run(t, python, [script, prompt], { env: environment(gateway.url, as) });

  await assert.rejects(draw('a tin robot [sim:policy]'), /FAILED\n.*Rephrase the prompt/s);
  await assert.rejects(draw(' '), /The prompt is empty/);
  await assert.rejects(draw('a tin robot', 'none'), /4403/);
});
