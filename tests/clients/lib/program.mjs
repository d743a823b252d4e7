import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { newestTaskSucceeds, openLink } from './link.mjs';

export const examples = fileURLToPath(new URL('../../../examples/', import.meta.url));

/** Runs a program to its end, in the time that the test has; answers with the lines that it printed. */
export async function run(t, command, args, { onLine, ...options } = {}) {
  const child = spawn(command, args, { ...options, signal: t.signal, stdio: ['ignore', 'pipe', 'pipe'] });
  let complaints = '';
  child.stderr.setEncoding('utf8').on('data', (text) => (complaints += text));
  const ended = once(child, 'close');
  const lines = [];
  for await (const line of createInterface(child.stdout)) {
    lines.push(line);
    await onLine?.(line);
  }
  const [status] = await ended;
  if (status !== 0) throw new Error(`${command} ended with ${status}: ${lines.join('\n')}\n${complaints}`);
  return lines;
}

/** What the examples take from the environment. */
export function environment(url, token) {
  return { ...process.env, PLANTAIN_URL: url, PLANTAIN_TOKEN: token };
}

/** Runs an example that prints what becomes of its task; nothing that happens while it is cut off may escape it. */
export async function runCutOff(t, gateway, sub, command, args, options) {
  const link = await openLink(t, gateway);
  const token = await gateway.token(sub);
  return run(t, command, args, {
    ...options,
    env: environment(link.url, token),
    onLine: async (line) => {
      if (line !== 'GENERATING') return;
      link.cut();
      await newestTaskSucceeds(gateway, token);
      link.mend();
    },
  });
}

export async function temporaryFolder(t) {
  const folder = await mkdtemp(join(tmpdir(), 'plantain-'));
  t.after(() => rm(folder, { recursive: true }));
  return folder;
}
