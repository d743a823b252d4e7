import assert from 'node:assert/strict';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openBrowser, openPage } from './lib/browser.mjs';
import { startGateway } from './lib/gateway.mjs';
import { servePage } from './lib/page.mjs';
import { environment, examples, run, runWithOutage, temporaryFolder } from './lib/program.mjs';
import { waitForNewestTask, openProxy } from './lib/proxy.mjs';
import { assertImage, generate, successStatuses } from './lib/tasks.mjs';

const target = fileURLToPath(new URL('../../target/', import.meta.url));
const limit = { timeout: 120_000 };

let gateway;
before(async () => (gateway = await startGateway()), limit);
after(() => gateway?.stop(), limit);

test('the curl example waits for its image and saves it', limit, async (t) => {
  const cwd = await temporaryFolder(t);
  const env = environment(gateway.url, await gateway.token('curler'));
  const lines = await run(t, join(examples, 'curl.sh'), ['a tin "robot" watering basil', 'robot'], { cwd, env });

  assert.match(lines[0], /: SUCCEEDED$/);
  assertImage(await readFile(join(cwd, lines.at(-1))));
});

test('the curl example exits with the reason when the gateway rejects its request', limit, async (t) => {
  const token = await gateway.token('curler');
  const draw = (prompt, as = token) =>
    run(t, join(examples, 'curl.sh'), [prompt], { env: environment(gateway.url, as) });

  await assert.rejects(draw('a tin robot [sim:policy]'), /FAILED\n./);
  await assert.rejects(draw(' '), /InvalidInput/);
  await assert.rejects(draw('a tin robot', 'none'), /UNAUTHENTICATED/);
});

test('the Apollo example prints every status once, including those it missed while disconnected', limit, async (t) => {
  const script = join(examples, 'apollo/generate.mjs');
  const lines = await runWithOutage(t, gateway, 'apollonian', process.execPath, [script, 'a tin robot']);

  assert.deepEqual(lines.slice(0, -1), successStatuses);
  const image = await fetch(lines.at(-1));
  assertImage(Buffer.from(await image.arrayBuffer()), image.headers.get('content-type'));
});

test('the urql page shows images requested on it, elsewhere, and while it is disconnected', limit, async (t) => {
  const proxy = await openProxy(t, gateway);
  const token = await gateway.token('painter');
  const url = await servePage(t, join(examples, 'urql-web'), await temporaryFolder(t), {
    PLANTAIN_URL: proxy.url,
    PLANTAIN_TOKEN: token,
  });
  const browser = await openBrowser();
  t.after(() => browser.close());
  const { page, seen } = await openPage(browser, url);
  const status = page.getByRole('status');
  const drawn = (prompt) =>
    page.waitForFunction(
      (alt) => [...document.images].some((image) => image.alt === alt && image.naturalWidth > 0),
      prompt,
    );

  await page.getByLabel('Prompt').fill('a tin robot');
  await page.getByRole('button', { name: 'Generate' }).click();
  await drawn('a tin robot');
  await generate(gateway, token, 'a forbidden robot [sim:policy]');
  await page.locator('li.failed').waitFor();
  assert.deepEqual(seen.errors, []);
  assert.deepEqual([...seen.hosts].sort(), [proxy.host, gateway.host, new URL(url).host].sort());

  proxy.disconnect();
  await status.filter({ hasText: 'Connection lost' }).waitFor();
  await generate(gateway, token, 'a copper robot');
  await waitForNewestTask(gateway, token);
  proxy.restore();
  await drawn('a copper robot');
  await status.filter({ hasText: /^$/ }).waitFor({ state: 'attached' });
  assert.equal(await page.getByRole('listitem').count(), 3);
  await mkdir(target, { recursive: true });
  await page.screenshot({ path: `${target}urql-web.png` });
});
