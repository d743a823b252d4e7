import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePorts } from './gateway.mjs';
import { pythonWith } from './python.mjs';

const requirements = fileURLToPath(new URL('../requirements-s3.txt', import.meta.url));
const readyWithinMs = 60_000;
const pollEveryMs = 50;

/** Starts an S3-compatible server with one bucket. The objects are lost when the server stops. */
export async function startS3(bucket) {
  const python = await pythonWith('s3', requirements);
  const [port] = await freePorts(1);
  const server = new S3(python, port, bucket);
  await server.start();
  return server;
}

class S3 {
  #python;
  #port;
  #bucketUrl;
  #child;

  constructor(python, port, bucket) {
    this.#python = python;
    this.#port = port;
    this.url = `http://127.0.0.1:${port}`;
    this.#bucketUrl = `${this.url}/${bucket}`;
    process.once('exit', () => this.#child?.kill());
  }

  async start() {
    const args = ['-m', 'moto.server', '-H', '127.0.0.1', '-p', String(this.#port)];
    this.#child = spawn(this.#python, args, { stdio: 'ignore' });
    await once(this.#child, 'spawn');
    const deadline = Date.now() + readyWithinMs;
    while (!(await this.#makesBucket())) {
      if (Date.now() > deadline) throw new Error(`the S3 server did not become ready within ${readyWithinMs / 1000} s`);
      await pause(pollEveryMs);
    }
  }

  async #makesBucket() {
    try {
      return (await fetch(this.#bucketUrl, { method: 'PUT' })).ok;
    } catch {
      return false;
    }
  }

  async kill() {
    const exit = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exit;
  }

  /** Returns the keys of all objects. */
  async keys() {
    const list = await (await fetch(`${this.#bucketUrl}?list-type=2`)).text();
    return [...list.matchAll(/<Key>([^<]+)<\/Key>/g)].map(([, key]) => key);
  }
}
