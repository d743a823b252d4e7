import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { waitForNewestTask, openProxy } from './proxy.mjs';

export const examples = fileURLToPath(new URL('../../../examples/', import.meta.url));

/** Runs a program until it exits or the test times out, and returns the lines of its standard output. */
export async function run(t, command, args, { onLine, ...options } = {}) {
  const child = spawn(command, args, { ...options, signal: t.signal, stdio: ['ignore', 'pipe', 'pipe'] });
  let errorOutput = '';
  child.stderr.setEncoding('utf8').on('data', (text) => (errorOutput += text));
  const ended = once(child, 'close');
  const lines = [];
  for await (const line of createInterface(child.stdout)) {
    lines.push(line);
    await onLine?.(line);
  }
  const [status] = await ended;
  if (status !== 0) throw new Error(`${command} exited with status ${status}: ${lines.join('\n')}\n${errorOutput}`);
  return lines;
}

/** The environment variables that the examples read. */
export function environment(url, token) {
  return { ...process.env, PLANTAIN_URL: url, PLANTAIN_TOKEN: token };
}

/** Runs an example that prints the statuses of its task, and interrupts its connection until the task succeeds. */
export async function runWithOutage(t, gateway, sub, command, args, options) {
  const proxy = await openProxy(t, gateway);
  const token = await gateway.token(sub);
  return run(t, command, args, {
    ...options,
    env: environment(proxy.url, token),
    onLine: async (line) => {
      if (line !== 'GENERATING') return;
      proxy.disconnect();
      await waitForNewestTask(gateway, token);
      proxy.restore();
    },
  });
}

export async function temporaryFolder(t) {
  const folder = await mkdtemp(join(tmpdir(), 'plantain-'));
  t.after(() => rm(folder, { recursive: true }));
  return folder;
}
