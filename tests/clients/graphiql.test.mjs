import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startGateway } from './lib/gateway.mjs';
import { openBrowser, openPage } from './lib/browser.mjs';
import { generate } from './lib/tasks.mjs';

const target = fileURLToPath(new URL('../../target/', import.meta.url));
const limit = { timeout: 120_000 };

let gateway, browser, config;
before(async () => {
  gateway = await startGateway();
  browser = await openBrowser();
  config = await (await fetch(`${gateway.url}/config.json`)).json();
}, limit);
after(async () => {
  await browser?.close();
  await gateway?.stop();
}, limit);

function example(kind) {
  const index = config.examples.findIndex(({ query }) => new RegExp(`^${kind}\\b`, 'm').test(query));
  assert.notEqual(index, -1, `no example is a ${kind}`);
  return index;
}

async function runExample(page, kind) {
  const editor = page.locator('.graphiql-query-editor .view-lines');
  const shows = (index) => editor.filter({ hasText: config.examples[index].name }).waitFor();
  // GraphiQL ignores a click on a tab before the editor has loaded.
  await editor.filter({ hasText: '#' }).waitFor();
  await page.getByRole('tab').nth(example(kind)).click();
  await shows(example(kind));
  await page.getByRole('button', { name: 'Execute query' }).click();
}

const tabs = (page) => page.getByRole('tab');
const response = (page) => page.locator('.graphiql-response .view-lines');
const responseWith = (page, text) => response(page).filter({ hasText: text }).waitFor();

test('GraphiQL runs a query and a subscription and contacts no other host', limit, async () => {
  const { page, seen } = await openPage(browser, `${gateway.url}/graphiql`);

  await runExample(page, 'query');
  await responseWith(page, '"tasks"');
  await mkdir(target, { recursive: true });
  await page.screenshot({ path: `${target}graphiql.png` });

  await runExample(page, 'subscription');
  await page.getByRole('button', { name: 'Stop query' }).waitFor();
  await generate(gateway, config.users[0].token, 'a plantain that is watched');
  await responseWith(page, '"taskEvents"');

  assert.deepEqual(seen.errors, []);
  assert.deepEqual([...seen.hosts], [gateway.host]);
  assert.ok(seen.workers.length > 0, 'the editors have no workers');
  for (const url of seen.workers) assert.ok(url.startsWith(`${gateway.url}/assets/`), url);
});

test('GraphiQL restores its tabs with the current token and stores no token', limit, async () => {
  const { page, seen } = await openPage(browser, `${gateway.url}/graphiql`);
  await runExample(page, 'query');
  await responseWith(page, '"data"');
  // GraphiQL stores the active tab with a delay.
  await page.waitForFunction(
    (active) =>
      Object.entries(localStorage).some(
        ([key, value]) => key.endsWith('tabState') && JSON.parse(value).activeTabIndex === active,
      ),
    example('query'),
  );
  const stored = await page.evaluate(() => JSON.stringify(localStorage));
  assert.ok(!stored.includes('Bearer'), stored);

  await page.route('**/config.json', (route) =>
    route.fulfill({ json: { ...config, users: [{ ...config.users[0], token: 'another-token' }] } }),
  );
  await page.reload();
  const headers = page.getByRole('region', { name: 'Headers' }).locator('.view-lines');
  await page.getByRole('button', { name: 'Headers' }).click();
  await headers.filter({ hasText: 'another-token' }).waitFor();

  assert.equal(await tabs(page).count(), config.examples.length);
  assert.equal(await tabs(page).nth(example('query')).getAttribute('aria-selected'), 'true');
  assert.deepEqual([...seen.hosts], [gateway.host]);
});

test('each file of the page has the same content in every content encoding', limit, async () => {
  const read = async (path, coding) => {
    const response = await fetch(`${gateway.url}${path}`, { headers: { 'accept-encoding': coding } });
    // `fetch` decodes the body.
    return { coding: response.headers.get('content-encoding') ?? 'identity', text: await response.text() };
  };
  const html = (await read('/graphiql', 'identity')).text;
  const assets = [...html.matchAll(/"\.(\/assets\/[^"]+\.(?:js|css))"/g)].map(([, path]) => path);
  assert.ok(assets.length > 0, html);
  for (const path of ['/graphiql', ...assets]) {
    const [plain, ...encoded] = await Promise.all(['identity', 'gzip', 'br'].map((coding) => read(path, coding)));
    assert.equal(plain.coding, 'identity');
    for (const each of encoded) assert.ok(each.text === plain.text, `${path} differs in ${each.coding}`);
    if (plain.text.length > 10_000) assert.deepEqual(encoded.map(({ coding }) => coding), ['gzip', 'br'], path);
  }
});

test('the configuration lists several development users with valid tokens', limit, async () => {
  const who = ({ id, role }) => `${id} ${role}`;
  assert.deepEqual(config.users.map(who), ['dev USER', 'ana USER', 'ben USER', 'operator ADMIN']);
  for (const user of config.users) {
    const { viewer } = await gateway.graphql(user.token, '{ viewer { id role } }');
    assert.equal(who(viewer), who(user));
  }
});

test('GraphiQL shows an alert when its configuration cannot be loaded', limit, async () => {
  const { page } = await openPage(browser, 'about:blank');
  await page.route('**/config.json', (route) => route.fulfill({ status: 500, body: 'broken' }));
  await page.goto(`${gateway.url}/graphiql`);
  await page.getByRole('alert').filter({ hasText: '/config.json returned status 500' }).waitFor();
});
