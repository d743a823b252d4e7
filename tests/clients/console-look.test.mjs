import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertAccessible } from './console/accessible.mjs';
import { limit, useConsole } from './console/console.mjs';
import { takeScreenshot, createScreenshotUser } from './console/screenshot.mjs';
import { assertImageLoads, createBoard, createFinishedTask, picture, prompt, submitTask, tile, inputImages } from './console/create-page.mjs';

const console = useConsole({ PLANTAIN_SIMULATOR_DELAY_MS: '200', PLANTAIN_USER_QUOTA: '100' });
const calm = { reducedMotion: 'reduce' };

const open = (t, user, path, options) => console.open(t, user, path, { ...calm, ...options });
const heading = (page, name) => page.getByRole('heading', { level: 1, name }).waitFor();

test('the sign-in page is accessible', limit, async (t) => {
  const page = await console.openWithGatewayConfig(t, '/', calm);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('button', { name: 'Sign in' }).waitFor();
  await assertAccessible(page, 'sign-in');
});

test('the empty create page is accessible', limit, async (t) => {
  const page = await open(t, await console.newUser());
  await page.getByText('No images yet.').waitFor();
  await assertAccessible(page, 'empty create page');
});

test('the create page is accessible with tiles of every kind and each of its popovers', limit, async (t) => {
  const user = await userWithEverything();
  const page = await open(t, user);
  await assertImageLoads(picture(page, 'a red balloon'));
  await tile(page, 'a sailing boat').getByText('Generating').waitFor();
  await tile(page, 'a cactus').getByRole('button', { name: 'Submit again' }).waitFor();
  await tile(page, 'a lighthouse').getByRole('button', { name: 'Retry', exact: true }).waitFor();
  await assertAccessible(page, 'create page');

  await page.getByRole('button', { name: 'Edit image' }).click();
  await inputImages(page).waitFor();
  for (const name of [/^Model /, /^Aspect ratio /, /^More filters/, 'Add to board']) {
    await page.getByRole('button', { name }).click();
    await page.locator('.popover').waitFor();
    // What a popover covers was examined above: half covered, a button is too small by definition.
    await assertAccessible(page, `popover ${name}`, '.popover');
    await page.keyboard.press('Escape');
  }
});

test('the task page and its confirmation dialog are accessible', limit, async (t) => {
  const user = await console.newUser();
  const { id } = await createFinishedTask(user, 'mountains at dawn');
  const page = await open(t, user, `/#/tasks/${id}`);
  await assertImageLoads(page.getByRole('img', { name: 'mountains at dawn' }));
  await assertAccessible(page, 'task');
  await page.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('dialog').waitFor();
  await assertAccessible(page, 'confirmation dialog');
});

test('the page of a failed task is accessible', limit, async (t) => {
  const user = await console.newUser();
  const { id } = await createFinishedTask(user, 'mountains at dusk [sim:fail=501]');
  const page = await open(t, user, `/#/tasks/${id}`);
  await page.getByRole('button', { name: 'Retry', exact: true }).waitFor();
  await assertAccessible(page, 'failed task');
});

test('the boards, a board, the account and the webhooks are accessible', limit, async (t) => {
  const user = await userWithEverything();
  const page = await open(t, user, '/#/boards');
  await heading(page, 'Boards');
  await page.getByRole('main').getByRole('link', { name: 'Kitchen' }).waitFor();
  await assertAccessible(page, 'boards');
  await page.getByRole('main').getByRole('link', { name: 'Kitchen' }).click();
  await assertImageLoads(page.getByRole('main').getByRole('img', { name: 'a red balloon' }));
  await assertAccessible(page, 'board');
  await page.getByRole('link', { name: 'Account' }).click();
  await page.getByRole('heading', { name: 'NanoBanana' }).waitFor();
  await assertAccessible(page, 'account');
  await page.getByRole('link', { name: 'Webhooks' }).click();
  await page.getByText('127.0.0.1').first().waitFor();
  await assertAccessible(page, 'webhooks');
});

const focused = (page) => page.evaluate(() => document.activeElement.id || document.activeElement.textContent);
const mostTabs = 60;

/** Presses Tab until the element has the focus, at most `mostTabs` times. */
async function tabTo(page, locator) {
  for (let pressed = 0; pressed < mostTabs; pressed += 1) {
    if (await locator.evaluate((element) => element === document.activeElement)) return;
    await page.keyboard.press('Tab');
  }
  assert.fail(`${locator} is not reached by keyboard; the focus is on ${await focused(page)}`);
}

test('an image can be generated and opened by keyboard alone', limit, async (t) => {
  const page = await open(t, await console.newUser());
  await page.getByText('No images yet.').waitFor();
  await tabTo(page, prompt(page));
  await page.keyboard.type('a cat on a window sill');
  await page.keyboard.press('Control+Enter');
  await assertImageLoads(picture(page, 'a cat on a window sill'));

  await tabTo(page, tile(page, 'a cat on a window sill').getByRole('link'));
  await page.keyboard.press('Enter');
  await heading(page, 'a cat on a window sill');
});

test('the first Tab focuses the link that skips to the content', limit, async (t) => {
  const page = await open(t, await console.newUser());
  await page.getByText('No images yet.').waitFor();
  await page.keyboard.press('Tab');
  assert.equal(await focused(page), 'Skip to content');
  await page.keyboard.press('Enter');
  assert.equal(await focused(page), 'main');
  await page.keyboard.press('Tab');
  assert.ok(await page.evaluate(() => document.activeElement.closest('main')), 'the next Tab leaves the main element');
});

test('the console assets are small, compressed, cacheable, and contain no GraphiQL code', limit, async (t) => {
  const user = await userWithEverything();
  const assets = [];
  const page = await open(t, user, '/', {
    prepare: (context) => context.on('response', (response) => response.url().includes('/assets/') && assets.push(response)),
  });
  for (const name of ['Boards', 'Webhooks', 'Account', 'Create']) {
    await page.getByRole('link', { name, exact: true }).click();
    await page.getByRole('heading', { level: 1, name }).waitFor({ state: 'attached' });
  }
  const code = assets.filter((response) => /\.(js|css)$/.test(new URL(response.url()).pathname));
  const sizes = await Promise.all(code.map(async (response) => (await response.body()).length));
  const total = sizes.reduce((sum, size) => sum + size, 0);
  assert.ok(total > 100_000 && total < 600_000, `${total} bytes`);
  for (const response of code) {
    const { 'content-encoding': coding, 'cache-control': cache } = response.headers();
    assert.doesNotMatch(response.url(), /graphiql|monaco|worker/i);
    assert.match(cache, /immutable/, response.url());
    if ((await response.body()).length > 10_000) assert.equal(coding, 'br', response.url());
  }
});

/** Creates a user with a succeeded, a failed, a generating and an unconfirmed task, a board and a webhook. */
async function userWithEverything() {
  const user = await console.newUser();
  const [ready] = await Promise.all([
    createFinishedTask(user, 'a red balloon'),
    createFinishedTask(user, 'a lighthouse [sim:fail=501]'),
    submitTask(user, 'a sailing boat [sim:never-finishes]'),
    submitTask(user, 'a cactus [sim:request-lost]'),
  ]);
  await createBoard(user, 'Kitchen', [ready.images[0].id]);
  await user.graphql('mutation { createWebhookEndpoint(url: "http://127.0.0.1:9/hook") { __typename } }');
  return user;
}

test('the console shows ten images and one in progress', limit, async (t) => {
  const user = await createScreenshotUser(console);
  const page = await console.open(t, user, '/', { viewport: { width: 1440, height: 1080 } });
  await takeScreenshot(page, user);
});
