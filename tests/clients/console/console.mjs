import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { openBrowser, openPage } from '../lib/browser.mjs';
import { startGateway } from '../lib/gateway.mjs';

export const limit = { timeout: 120_000 };
const conditionWithinMs = 30_000;
const pollEveryMs = 50;
/** Console errors of the browser for an unreachable gateway. */
export const lostConnection = /net::ERR_/;
const nothing = /(?!)/;

/** Starts one gateway with these settings and one browser for the tests of a file. */
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

  /** Creates a user that no other test uses. */
  async newUser(name = `user${++this.#users}`) {
    const token = await this.gateway.token(name);
    return { id: name, role: 'USER', token, graphql: (query, variables) => this.gateway.graphql(token, query, variables) };
  }

  /**
   * Opens the console as this user. The test fails if the page logs an error that does not match `expected`, or
   * contacts another host.
   */
  async open(t, user, path = '/', options = {}) {
    const prepare = async (context) => {
      await options.prepare?.(context);
      // The same response as from the gateway, but with this user only.
      await context.route('**/config.json', (route) => route.fulfill({ json: { users: [user], examples: [] } }));
    };
    return this.openWithGatewayConfig(t, path, { ...options, prepare });
  }

  async openWithGatewayConfig(t, path = '/', { expected = nothing, ...options } = {}) {
    const { page, seen } = await openPage(this.#browser, `${this.gateway.url}${path}`, options);
    t.after(async () => {
      await page.context().close();
      assert.deepEqual(seen.errors.filter((error) => !expected.test(error)), []);
      assert.deepEqual([...seen.hosts], [this.gateway.host]);
    });
    return page;
  }
}

/** Waits until `holds` accepts the value of `read` and returns the value. */
export async function until(what, read, holds = Boolean) {
  const deadline = Date.now() + conditionWithinMs;
  for (;;) {
    const value = await read();
    if (holds(value)) return value;
    assert.ok(Date.now() < deadline, `${what}; the last value was ${JSON.stringify(value)}`);
    await pause(pollEveryMs);
  }
}
