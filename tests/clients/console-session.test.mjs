import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { limit, lostConnection, until, useConsole } from './console/console.mjs';
import { submitPrompt, assertImageLoads, generate, createFinishedTask, picture, prompt, waitForTask, listTasks, tile } from './console/create-page.mjs';

const blockedTerms = join(tmpdir(), `plantain-blocked-terms-${process.pid}`);
const console = useConsole({
  PLANTAIN_SIMULATOR_DELAY_MS: '300',
  PLANTAIN_USER_QUOTA: '30',
  PLANTAIN_BLOCKED_TERMS: blockedTerms,
});
before(() => writeFile(blockedTerms, 'forbidden fruit\n'));
after(() => rm(blockedTerms));

const field = (page) => page.getByRole('textbox', { name: 'Token' });
const signOut = (page) => page.getByRole('button', { name: 'Sign out' }).click();
const signedInAs = (page, id) => page.getByRole('combobox', { name: 'User' }).locator('option:checked', { hasText: id }).waitFor({ state: 'attached' });

async function signIn(page, token) {
  await field(page).fill(token);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

test('a development user selected from the list sees only their own tasks', limit, async (t) => {
  const [ana, ben] = await Promise.all(['ana', 'ben'].map((name) => console.newUser(name)));
  await Promise.all([createFinishedTask(ana, 'a balloon of ana'), createFinishedTask(ben, 'a cactus of ben')]);
  const page = await console.openWithGatewayConfig(t);
  await signedInAs(page, 'dev');
  await signOut(page);

  await page.getByRole('button', { name: 'ana' }).click();
  await assertImageLoads(picture(page, 'a balloon of ana'));
  assert.equal(await picture(page, 'a cactus of ben').count(), 0);
  await page.getByRole('combobox', { name: 'User' }).selectOption('ben');
  await assertImageLoads(picture(page, 'a cactus of ben'));
  assert.equal(await picture(page, 'a balloon of ana').count(), 0);
});

test('a pasted token signs in for this tab only', limit, async (t) => {
  const page = await console.openWithGatewayConfig(t);
  await signOut(page);
  const { token } = await console.newUser('zoe');
  await signIn(page, `Bearer ${token}`);
  await signedInAs(page, 'zoe');
  assert.equal(await page.evaluate((secret) => JSON.stringify(localStorage).includes(secret), token.split('.')[2]), false);
  assert.deepEqual(await page.context().cookies(), []);

  await page.reload();
  await signedInAs(page, 'zoe');
  const another = await page.context().newPage();
  await another.goto(page.url());
  await signedInAs(another, 'dev');
});

test('an invalid token is rejected with the reason', limit, async (t) => {
  const page = await console.openWithGatewayConfig(t, '/', { expected: /status of 401/ });
  await signOut(page);
  await signIn(page, 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJldmUifQ.c2lnbmF0dXJl');

  await page.getByRole('alert').filter({ hasText: /^The token was rejected\. .*\(.+\)$/ }).waitFor();
  await field(page).waitFor();
});

test('an expired token returns to the sign-in page with the reason', limit, async (t) => {
  const page = await console.openWithGatewayConfig(t);
  await signOut(page);
  await signIn(page, await console.gateway.token('kim', 8));
  await signedInAs(page, 'kim');

  await page.getByRole('alert').filter({ hasText: /Your session has expired\. Sign in again\. \(.*expired/i }).waitFor();
  await field(page).waitFor();
});

const ofModel = /* GraphQL */ `
  {
    models {
      id
      kinds
      maxImages
      aspectRatios
      resolutions
      outputFormats
    }
  }
`;

/** Returns the options of a group, or an empty list when the group is not shown. */
const choices = (page, name) =>
  page.getByRole('group', { name, exact: true }).getByRole('radio').evaluateAll((radios) => radios.map(({ labels }) => labels[0].textContent));
const openPopover = (page, name) => page.getByRole('button', { name: new RegExp(`^${name} `) }).click();
const modelChoice = (page, id) => page.getByRole('radio', { name: new RegExp(`^${id} `) });

test('each model offers exactly the options that it supports', limit, async (t) => {
  const user = await console.newUser();
  const { models } = await user.graphql(ofModel);
  const page = await console.open(t, user);
  const several = (all) => (all.length > 1 ? all : []);
  assert.ok(models.length > 3);
  for (const model of models) {
    await openPopover(page, 'Model');
    await modelChoice(page, model.id).check();
    await openPopover(page, 'Aspect ratio');
    const offered = {
      aspectRatios: (await choices(page, 'Aspect ratio')).sort(),
      counts: await choices(page, 'Images'),
      resolutions: await choices(page, 'Resolution'),
      formats: await choices(page, 'Format'),
    };
    const automatic = (all) => (all.length > 0 ? ['Auto', ...all] : []);
    assert.deepEqual(offered, {
      aspectRatios: ['Auto', ...model.aspectRatios.filter((ratio) => ratio !== 'auto')].sort(),
      counts: several(Array.from({ length: model.maxImages }, (_, index) => String(index + 1))),
      resolutions: automatic(several(model.resolutions.map((each) => each.slice(1)))),
      formats: automatic(several(model.outputFormats)),
    }, model.id);
  }
});

test('a model that does not support the selected options cannot be selected', limit, async (t) => {
  const user = await console.newUser();
  const { models } = await user.graphql(ofModel);
  const page = await console.open(t, user);
  await page.getByRole('radio', { name: '4K' }).check();
  await openPopover(page, 'Model');
  for (const { id, resolutions } of models) {
    assert.equal(await modelChoice(page, id).isEnabled(), resolutions.includes('R4K'), id);
  }
});

test('a blocked prompt is rejected beside its field until it is changed', limit, async (t) => {
  const user = await console.newUser();
  const page = await console.open(t, user);
  await submitPrompt(page, 'a bowl of forbidden fruit');

  const invalidPrompt = page.getByRole('textbox', { name: 'Prompt', description: /./ });
  await invalidPrompt.waitFor();
  assert.equal(await invalidPrompt.getAttribute('aria-invalid'), 'true');
  assert.deepEqual(await listTasks(user), []);
  await prompt(page).fill('a bowl of fruit');
  await invalidPrompt.waitFor({ state: 'detached' });
});

test('a request over the quota is rejected next to its cost', limit, async (t) => {
  const user = await console.newUser();
  const page = await console.open(t, user);
  await openPopover(page, 'Model');
  await modelChoice(page, 'nano-banana-pro').check();
  await page.keyboard.press('Escape');
  await page.getByRole('radio', { name: '2', exact: true }).check();
  await prompt(page).fill('a city at night');
  const line = page.getByRole('form', { name: 'New images' }).getByRole('status');
  await line.filter({ hasText: /36 credits.*not enough credits/ }).waitFor();

  await generate(page).click();
  await line.filter({ hasText: 'This costs 36 credits, and you have' }).waitFor();
  assert.deepEqual(await listTasks(user), []);
});

const notice = (page) => page.getByRole('status').filter({ hasText: 'Reconnecting' });

test('the page reconnects after a gateway restart and misses no change', limit, async (t) => {
  const user = await console.newUser();
  const page = await console.open(t, user, '/', { expected: lostConnection });
  await page.evaluate(() => (window.sameDocument = true));
  const words = ['a red balloon', 'a sailing boat', 'a lighthouse'];
  for (const each of words) await submitPrompt(page, `${each} [sim:slow=4]`);
  for (const each of words) await tile(page, each).getByText('Generating').waitFor();

  await console.gateway.kill();
  await notice(page).waitFor();
  await console.gateway.restart();

  await notice(page).waitFor({ state: 'detached' });
  for (const each of words) await assertImageLoads(picture(page, each));
  assert.ok(await page.evaluate(() => window.sameDocument), 'the page was reloaded');
});

test('changes during a network outage are shown after it', limit, async (t) => {
  const user = await console.newUser();
  const page = await console.open(t, user, '/', { expected: lostConnection });
  await submitPrompt(page, 'mountains at dawn [sim:slow=2]');
  await tile(page, 'mountains at dawn').getByText('Generating').waitFor();
  await page.context().setOffline(true);
  await notice(page).waitFor();

  const [{ id }] = await listTasks(user);
  const { id: failed } = await createFinishedTask(user, 'a tin robot [sim:fail=501]');
  await createFinishedTask(user, 'a house in the snow');
  await waitForTask(user, id);
  assert.equal(await page.getByText('a house in the snow').count(), 0, 'the page was not offline');
  await page.context().setOffline(false);

  await notice(page).waitFor({ state: 'detached' });
  await assertImageLoads(picture(page, 'mountains at dawn'));
  await assertImageLoads(picture(page, 'a house in the snow'));
  await page.locator(`a[href$="${failed}"]`).waitFor();
  const shown = await page.locator('a[href*="/tasks/"]').count();
  assert.equal(shown, 3, 'a task is missing or shown twice');
});

test('a subscription that fails with INTERNAL is resumed and misses no event', limit, async (t) => {
  const user = await console.newUser();
  let answer;
  const page = await console.open(t, user, '/', {
    expected: lostConnection,
    prepare: (context) => rejectSubscriptions(context, (variables) => answer?.(variables)),
  });
  await waitForFirstEvent(page, user);
  const failures = [];
  answer = (variables) => failures.push(variables.after) === 1 && 'INTERNAL';
  await reconnect(page);

  await until('expected a failure and a new subscription', () => failures.length, (count) => count >= 2);
  assert.equal(failures[0], failures[1], 'the subscription was resumed from another cursor');
  await createFinishedTask(user, 'a house in the snow');
  await assertImageLoads(picture(page, 'a house in the snow'));
});

test('the page reloads its tasks when its cursor has expired, and keeps the typed prompt', limit, async (t) => {
  const user = await console.newUser();
  let answer;
  const page = await console.open(t, user, '/', {
    expected: lostConnection,
    prepare: (context) => rejectSubscriptions(context, (variables) => answer?.(variables)),
  });
  await waitForFirstEvent(page, user);
  await prompt(page).fill('a poem that is not sent');
  const cursors = [];
  answer = (variables) => cursors.push(variables.after) === 1 && 'BAD_USER_INPUT';
  await reconnect(page, () => createFinishedTask(user, 'a lighthouse'));

  await until('expected a rejection and a new subscription', () => cursors.length, (count) => count >= 2);
  await assertImageLoads(picture(page, 'a lighthouse'));
  await createFinishedTask(user, 'a house in the snow');
  await assertImageLoads(picture(page, 'a house in the snow'));
  assert.equal(await prompt(page).inputValue(), 'a poem that is not sent');
});

/** Waits until the page has received events, so that it has a cursor. */
async function waitForFirstEvent(page, user) {
  await prompt(page).waitFor();
  await createFinishedTask(user, 'a red balloon');
  await assertImageLoads(picture(page, 'a red balloon'));
}

/** Takes the page offline and online again. */
async function reconnect(page, meanwhile = () => {}) {
  await page.context().setOffline(true);
  await notice(page).waitFor();
  await meanwhile();
  await page.context().setOffline(false);
}

/** Rejects subscriptions to events with the error code that `codeFor` returns for their variables, if any. */
async function rejectSubscriptions(context, codeFor) {
  await context.routeWebSocket('**/graphql', (socket) => {
    const server = socket.connectToServer();
    socket.onMessage((text) => {
      const { id, type, payload } = JSON.parse(text);
      const isEvents = type === 'subscribe' && payload.query.includes('taskEvents');
      const code = isEvents && codeFor(payload.variables);
      if (!code) return server.send(text);
      socket.send(JSON.stringify({ type: 'error', id, payload: [{ message: 'Rejected by the test.', extensions: { code } }] }));
    });
  });
}
