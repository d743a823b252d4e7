import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { limit, lostConnection, until, useConsole } from './console/console.mjs';
import { ask, assertSeen, generate, makeTask, picture, prompt, taskOver, tasksOf, tile } from './console/studio.mjs';

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

test('a development user who is picked from the list sees their own tasks, and nobody else’s', limit, async (t) => {
  const [ana, ben] = await Promise.all(['ana', 'ben'].map((name) => console.newUser(name)));
  await Promise.all([makeTask(ana, 'a balloon of ana'), makeTask(ben, 'a cactus of ben')]);
  const page = await console.openUnprepared(t);
  await signedInAs(page, 'dev');
  await signOut(page);

  await page.getByRole('button', { name: 'ana' }).click();
  await assertSeen(picture(page, 'a balloon of ana'));
  assert.equal(await picture(page, 'a cactus of ben').count(), 0);
  await page.getByRole('combobox', { name: 'User' }).selectOption('ben');
  await assertSeen(picture(page, 'a cactus of ben'));
  assert.equal(await picture(page, 'a balloon of ana').count(), 0);
});

test('a token that is pasted signs in, for this tab and no longer', limit, async (t) => {
  const page = await console.openUnprepared(t);
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

test('a token that is not taken is refused with the reason', limit, async (t) => {
  const page = await console.openUnprepared(t, '/', { expected: /status of 401/ });
  await signOut(page);
  await signIn(page, 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJldmUifQ.c2lnbmF0dXJl');

  await page.getByRole('alert').filter({ hasText: /^The token was rejected\. .*\(.+\)$/ }).waitFor();
  await field(page).waitFor();
});

test('a token that ends while it is used leads back to the sign-in, with the reason', limit, async (t) => {
  const page = await console.openUnprepared(t);
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

/** The names of the choices of a group; none where there is no choice. */
const choices = (page, name) =>
  page.getByRole('group', { name, exact: true }).getByRole('radio').evaluateAll((radios) => radios.map(({ labels }) => labels[0].textContent));
const openPopover = (page, name) => page.getByRole('button', { name: new RegExp(`^${name} `) }).click();
const modelChoice = (page, id) => page.getByRole('radio', { name: new RegExp(`^${id} `) });

test('of each model is offered what it can do, and nothing else', limit, async (t) => {
  const user = await console.newUser();
  const { models } = await user.ask(ofModel);
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

test('a model that cannot do what else is chosen cannot be chosen', limit, async (t) => {
  const user = await console.newUser();
  const { models } = await user.ask(ofModel);
  const page = await console.open(t, user);
  await page.getByRole('radio', { name: '4K' }).check();
  await openPopover(page, 'Model');
  for (const { id, resolutions } of models) {
    assert.equal(await modelChoice(page, id).isEnabled(), resolutions.includes('R4K'), id);
  }
});

test('a request that is blocked is refused beside its words, until they are changed', limit, async (t) => {
  const user = await console.newUser();
  const page = await console.open(t, user);
  await ask(page, 'a bowl of forbidden fruit');

  const refused = page.getByRole('textbox', { name: 'Prompt', description: /./ });
  await refused.waitFor();
  assert.equal(await refused.getAttribute('aria-invalid'), 'true');
  assert.deepEqual(await tasksOf(user), []);
  await prompt(page).fill('a bowl of fruit');
  await refused.waitFor({ state: 'detached' });
});

test('a request that is too expensive is refused where its cost was shown', limit, async (t) => {
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
  assert.deepEqual(await tasksOf(user), []);
});

const notice = (page) => page.getByRole('status').filter({ hasText: 'Reconnecting' });

test('a page whose gateway is killed and started again comes back by itself, and misses nothing', limit, async (t) => {
  const user = await console.newUser();
  const page = await console.open(t, user, '/', { expected: lostConnection });
  await page.evaluate(() => (window.sameDocument = true));
  const words = ['a red balloon', 'a sailing boat', 'a lighthouse'];
  for (const each of words) await ask(page, `${each} [sim:slow=4]`);
  for (const each of words) await tile(page, each).getByText('Generating').waitFor();

  await console.gateway.kill();
  await notice(page).waitFor();
  await console.gateway.restart();

  await notice(page).waitFor({ state: 'detached' });
  for (const each of words) await assertSeen(picture(page, each));
  assert.ok(await page.evaluate(() => window.sameDocument), 'the page was loaded again');
});

test('what happens while the network is away is shown when it is back', limit, async (t) => {
  const user = await console.newUser();
  const page = await console.open(t, user, '/', { expected: lostConnection });
  await ask(page, 'mountains at dawn [sim:slow=2]');
  await tile(page, 'mountains at dawn').getByText('Generating').waitFor();
  await page.context().setOffline(true);
  await notice(page).waitFor();

  const [{ id }] = await tasksOf(user);
  const { id: failed } = await makeTask(user, 'a tin robot [sim:fail=501]');
  await makeTask(user, 'a house in the snow');
  await taskOver(user, id);
  assert.equal(await page.getByText('a house in the snow').count(), 0, 'the network was not away');
  await page.context().setOffline(false);

  await notice(page).waitFor({ state: 'detached' });
  await assertSeen(picture(page, 'mountains at dawn'));
  await assertSeen(picture(page, 'a house in the snow'));
  await page.locator(`a[href$="${failed}"]`).waitFor();
  const shown = await page.locator('a[href*="/tasks/"]').count();
  assert.equal(shown, 3, 'a task is missing, or shown twice');
});

test('a subscription that fails behind the gateway begins again, and misses nothing', limit, async (t) => {
  const user = await console.newUser();
  let answer;
  const page = await console.open(t, user, '/', {
    expected: lostConnection,
    prepare: (context) => onSubscription(context, (variables) => answer?.(variables)),
  });
  await seenFirst(page, user);
  const failures = [];
  answer = (variables) => failures.push(variables.after) === 1 && 'INTERNAL';
  await startAgain(page);

  await until('it failed, and began again', () => failures.length, (count) => count >= 2);
  assert.equal(failures[0], failures[1], 'it went on from somewhere else');
  await makeTask(user, 'a house in the snow');
  await assertSeen(picture(page, 'a house in the snow'));
});

test('a page whose place in the log is forgotten reads everything anew, and keeps what was written', limit, async (t) => {
  const user = await console.newUser();
  let answer;
  const page = await console.open(t, user, '/', {
    expected: lostConnection,
    prepare: (context) => onSubscription(context, (variables) => answer?.(variables)),
  });
  await seenFirst(page, user);
  await prompt(page).fill('a poem that is not sent');
  const asked = [];
  answer = (variables) => asked.push(variables.after) === 1 && 'BAD_USER_INPUT';
  await startAgain(page, () => makeTask(user, 'a lighthouse'));

  await until('it was refused, and began anew', () => asked.length, (count) => count >= 2);
  await assertSeen(picture(page, 'a lighthouse'));
  await makeTask(user, 'a house in the snow');
  await assertSeen(picture(page, 'a house in the snow'));
  assert.equal(await prompt(page).inputValue(), 'a poem that is not sent');
});

/** The page has followed the log for a while. */
async function seenFirst(page, user) {
  await prompt(page).waitFor();
  await makeTask(user, 'a red balloon');
  await assertSeen(picture(page, 'a red balloon'));
}

/** Cuts the page off and lets it come back. */
async function startAgain(page, meanwhile = () => {}) {
  await page.context().setOffline(true);
  await notice(page).waitFor();
  await meanwhile();
  await page.context().setOffline(false);
}

/** Lets `codeFor` refuse subscriptions to events, by their variables, with an error of its choice. */
async function onSubscription(context, codeFor) {
  await context.routeWebSocket('**/graphql', (socket) => {
    const server = socket.connectToServer();
    socket.onMessage((text) => {
      const { id, type, payload } = JSON.parse(text);
      const isEvents = type === 'subscribe' && payload.query.includes('taskEvents');
      const code = isEvents && codeFor(payload.variables);
      if (!code) return server.send(text);
      socket.send(JSON.stringify({ type: 'error', id, payload: [{ message: 'No.', extensions: { code } }] }));
    });
  });
}
