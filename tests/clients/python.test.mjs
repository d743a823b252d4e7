import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startGateway } from './lib/gateway.mjs';
import { environment, examples, run, runWithOutage, temporaryFolder } from './lib/program.mjs';
import { pythonWith } from './lib/python.mjs';
import { assertImage, successStatuses } from './lib/tasks.mjs';

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

test('the Python example saves its image and misses no status while it is disconnected', limit, async (t) => {
  const cwd = await temporaryFolder(t);
  const lines = await runWithOutage(t, gateway, 'pythonista', python, [script, 'a tin robot', 'robot'], { cwd });

  assert.deepEqual(lines.slice(0, -1), successStatuses);
  assertImage(await readFile(join(cwd, lines.at(-1))));
});

test('the Python example exits with the reason when the gateway rejects its request', limit, async (t) => {
  const token = await gateway.token('pythonista');
  const draw = (prompt, as = token) => run(t, python, [script, prompt], { env: environment(gateway.url, as) });

  await assert.rejects(draw('a tin robot [sim:policy]'), /FAILED\n./);
  await assert.rejects(draw(' '), /InvalidInput/);
  await assert.rejects(draw('a tin robot', 'none'), /4403/);
});
