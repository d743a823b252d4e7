import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export const binary =
  process.env.PLANTAIN_BIN ?? fileURLToPath(new URL('../../../target/debug/plantain', import.meta.url));
const readyWithinMs = 60_000;
const pollEveryMs = 50;

/** Starts `plantain dev` on free ports with a new data directory and these settings. */
export async function startGateway(settings = {}) {
  const dataDir = await mkdtemp(join(tmpdir(), 'plantain-clients-'));
  // The private Postgres runs under another uid, which needs to traverse this directory.
  await chmod(dataDir, 0o755);
  const [port, simulatorPort] = await freePorts(2);
  const gateway = new Gateway(`127.0.0.1:${port}`, {
    ...environmentWithoutSettings(),
    PLANTAIN_DATA_DIR: dataDir,
    PLANTAIN_BIND: `127.0.0.1:${port}`,
    PLANTAIN_SIMULATOR_BIND: `127.0.0.1:${simulatorPort}`,
    ...settings,
  });
  await gateway.start();
  return gateway;
}

class Gateway {
  #env;
  #child;
  #output = '';

  constructor(host, env) {
    this.host = host;
    this.url = `http://${host}`;
    this.wsUrl = `ws://${host}/graphql`;
    this.#env = env;
    process.once('exit', () => this.#child?.kill('SIGINT'));
  }

  async start() {
    this.#output = '';
    const child = spawn(binary, ['dev'], { env: this.#env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => (this.#output += text));
    }
    await once(child, 'spawn');
    try {
      await this.#ready(child);
    } catch (error) {
      await this.kill();
      throw error;
    }
  }

  async #ready(child) {
    const deadline = Date.now() + readyWithinMs;
    while (!(await this.#answersReady())) {
      if (hasExited(child)) throw new Error(`the gateway exited before it was ready:\n${this.#output}`);
      if (Date.now() > deadline) throw new Error(`the gateway did not become ready within ${readyWithinMs / 1000} s:\n${this.#output}`);
      await pause(pollEveryMs);
    }
  }

  async #answersReady() {
    try {
      return (await fetch(`${this.url}/readyz`)).status === 200;
    } catch {
      return false;
    }
  }

  /** Kills the process with SIGKILL. The next start has to recover from what it leaves behind. */
  kill() {
    return this.#end('SIGKILL');
  }

  restart() {
    return this.start();
  }

  /** Stops the gateway and removes its data. */
  async stop() {
    await this.#end('SIGINT');
    await rm(this.#env.PLANTAIN_DATA_DIR, { recursive: true, force: true });
    assertNoSecrets(this.#output);
  }

  async #end(signal) {
    if (hasExited(this.#child)) return;
    const exit = once(this.#child, 'exit');
    this.#child.kill(signal);
    await exit;
  }

  /** The folder with the secret of its tokens. */
  get dataDir() {
    return this.#env.PLANTAIN_DATA_DIR;
  }

  async token(sub, ttl = 3600, role = undefined) {
    const options = ['token', '--sub', sub, '--ttl', String(ttl), ...(role ? ['--role', role] : [])];
    const { stdout } = await promisify(execFile)(binary, options, { env: this.#env });
    return stdout.trim();
  }

  async graphql(token, query, variables) {
    const response = await fetch(`${this.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify({ query, variables }),
    });
    const { data, errors } = await response.json();
    if (errors) throw new Error(`the gateway answered ${response.status} ${JSON.stringify(errors)}`);
    return data;
  }
}

/** Fails when a log line contains a token, a secret of a webhook, a signed link or a prompt for the simulator. */
function assertNoSecrets(output) {
  // What the start prints for people has a token and no time.
  const lines = output.split('\n').filter((line) => /^\d{4}-\d\d-\d\dT/.test(line));
  const leak = lines.find((line) => /eyJ|whsec_|signature=|\[sim:|\/callbacks\/[\w-]+\/task_/.test(line));
  if (leak) throw new Error(`the gateway logged a secret: ${leak}`);
}

/** The environment without gateway settings: tests must not use real provider keys, which cost money. */
export function environmentWithoutSettings() {
  const setting = /^(PLANTAIN|NANOBANANA|FLUX_KONTEXT|ACE_DATA|AWS)_|^DATABASE_URL$/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !setting.test(name)));
}

function hasExited(child) {
  return child.exitCode !== null || child.signalCode !== null;
}

export async function freePorts(count) {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}
