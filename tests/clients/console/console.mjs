import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { openBrowser, openPage } from '../lib/browser.mjs';
import { startGateway } from '../lib/gateway.mjs';

export const limit = { timeout: 120_000 };
const conditionWithinMs = 30_000;
const pollEveryMs = 50;
/** What the browser itself says of a gateway that is away. */
export const lostConnection = /net::ERR_/;
const nothing = /(?!)/;

/** One gateway with these settings and one browser, for the tests of a file. */
export function useConsole(settings) {
  const console = new Console();
  before(() => console.start(settings), limit);
  after(() => console.stop(), limit);
  return console;
}

class Console {
  #browser;
  #users = 0;

  async start(settings) {
    [this.gateway, this.#browser] = await Promise.all([startGateway(settings), openBrowser()]);
  }

  async stop() {
    await this.#browser?.close();
    await this.gateway?.stop();
  }

  /** A user whom no other test knows. */
  async newUser(name = `user${++this.#users}`) {
    const token = await this.gateway.token(name);
    return { id: name, role: 'USER', token, ask: (query, variables) => this.gateway.graphql(token, query, variables) };
  }

  /**
   * Opens the console as this user. The test fails when the page complains of anything that is not `expected`, or
   * asks another host for anything.
   */
  async open(t, user, path = '/', options = {}) {
    const prepare = async (context) => {
      await options.prepare?.(context);
      // As the gateway answers, with the one user.
      await context.route('**/config.json', (route) => route.fulfill({ json: { users: [user], examples: [] } }));
    };
    return this.openUnprepared(t, path, { ...options, prepare });
  }

  async openUnprepared(t, path = '/', { expected = nothing, ...options } = {}) {
    const { page, seen } = await openPage(this.#browser, `${this.gateway.url}${path}`, options);
    t.after(async () => {
      await page.context().close();
      assert.deepEqual(seen.errors.filter((error) => !expected.test(error)), []);
      assert.deepEqual([...seen.hosts], [this.gateway.host]);
    });
    return page;
  }
}

/** Waits until `read` gives something that holds; answers with it. */
export async function until(what, read, holds = Boolean) {
  const deadline = Date.now() + conditionWithinMs;
  for (;;) {
    const value = await read();
    if (holds(value)) return value;
    assert.ok(Date.now() < deadline, `${what}, but ${JSON.stringify(value)}`);
    await pause(pollEveryMs);
  }
}
