import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limit, until, useConsole } from './console/console.mjs';
import { assertSeen, makeTask, picture, prompt, startTask, taskOver, tasksOf, tile, tray } from './console/studio.mjs';
import { acceptedId } from './lib/tasks.mjs';

const console = useConsole({ PLANTAIN_SIMULATOR_DELAY_MS: '200' });

const gallery = (page) => page.getByRole('region', { name: 'Images' });
/** The tasks that the gallery shows, by their ids, in its order. */
const shown = (page) =>
  gallery(page).locator('a[href*="/tasks/"]').evaluateAll((links) => links.map(({ href }) => href.split('/').at(-1)));
const shows = (page, ids) =>
  until('the gallery shows something else', () => shown(page), (found) => JSON.stringify(found) === JSON.stringify(ids));

const editImages = /* GraphQL */ `
  mutation Edit($input: EditImagesInput!) {
    generateImages: editImages(input: $input) {
      __typename
      ... on TaskAccepted {
        task {
          id
        }
      }
      ... on UserError {
        message
      }
    }
  }
`;

/** One that is ready, one that failed, and an edit of the first by another model. */
async function userWithHistory() {
  const user = await console.newUser();
  const ready = await makeTask(user, 'a red balloon');
  const failed = await makeTask(user, 'a sailing boat [sim:fail=400]');
  const input = { prompt: 'the balloon at night', model: 'flux-kontext-pro', images: [{ imageId: ready.images[0].id }] };
  const edited = await taskOver(user, acceptedId(await user.ask(editImages, { input })));
  assert.deepEqual([ready, failed, edited].map(({ status }) => status), ['SUCCEEDED', 'FAILED', 'SUCCEEDED']);
  return { user, ready: ready.id, failed: failed.id, edited: edited.id };
}

test('the history shows what fits its filters, by status, words, kind, model and day', limit, async (t) => {
  const { user, ready, failed, edited } = await userWithHistory();
  // Where it is not the same day as in London for half of the time.
  const page = await console.open(t, user, '/', { timezoneId: 'Pacific/Auckland' });
  const status = page.getByRole('combobox', { name: 'Status' });
  const words = page.getByRole('searchbox', { name: 'Search' });
  const model = page.getByRole('combobox', { name: 'Model' });
  const clearFilters = () => page.getByRole('button', { name: 'Clear filters' }).click();
  await shows(page, [edited, failed, ready]);

  await status.selectOption('Failed');
  await shows(page, [failed]);
  await status.selectOption('Succeeded');
  await shows(page, [edited, ready]);
  await words.fill('RED ball');
  await shows(page, [ready]);
  await status.selectOption('Canceled');
  await page.getByText('No tasks match these filters.').waitFor();
  await clearFilters();
  await shows(page, [edited, failed, ready]);

  await page.getByRole('button', { name: 'More filters' }).click();
  await page.getByLabel('Kind').selectOption('Edited');
  await shows(page, [edited]);
  await page.getByLabel('Kind').selectOption('Any kind');
  await model.selectOption('nano-banana');
  await shows(page, [failed, ready]);
  await model.selectOption('Any model');

  const [yesterday, today, tomorrow] = await page.evaluate(() =>
    [-1, 0, 1].map((days) => new Date(Date.now() + days * 86_400_000).toLocaleDateString('sv')),
  );
  await page.getByLabel('From', { exact: true }).fill(tomorrow);
  await shows(page, []);
  await page.getByLabel('From', { exact: true }).fill(today);
  await shows(page, [edited, failed, ready]);
  await page.getByLabel('To', { exact: true }).fill(today);
  await shows(page, [edited, failed, ready]);
  await page.getByLabel('From', { exact: true }).fill('');
  await page.getByLabel('To', { exact: true }).fill(yesterday);
  await shows(page, []);
});

test('a new task joins a filtered history only when it fits', limit, async (t) => {
  const user = await console.newUser();
  const page = await console.open(t, user);
  await page.getByRole('searchbox', { name: 'Search' }).fill('balloon');
  await page.getByText('No tasks match these filters.').waitFor();

  await makeTask(user, 'a cactus in the desert');
  const { id } = await makeTask(user, 'a balloon over the desert');
  await assertSeen(picture(page, 'a balloon over the desert'));
  await shows(page, [id]);
});

test('scrolling down shows the whole history, in its order and each task once', limit, async (t) => {
  const user = await console.newUser();
  const count = 60;
  await Promise.all(Array.from({ length: count }, () => makeCanceled(user)));
  const page = await console.open(t, user);
  await tile(page, 'a plantain').first().waitFor();
  const first = (await shown(page)).length;
  assert.ok(first < count, `all ${first} were read at once`);

  await until('the end is reached', async () => {
    await page.mouse.wheel(0, 5_000);
    return (await shown(page)).length === count;
  });
  assert.deepEqual(await shown(page), (await tasksOf(user)).map(({ id }) => id));
});

test('the page of a task tells its course and lets its image be downloaded in each size', limit, async (t) => {
  const user = await console.newUser();
  const words = 'mountains at dawn';
  const wide = { aspectRatio: '16:9', resolution: 'R2K', model: 'nano-banana-2' };
  const { id } = await makeTask(user, words, wide);
  const page = await console.open(t, user);
  await picture(page, words).click();
  await page.getByRole('heading', { level: 1, name: words }).waitFor();
  await assertSeen(page.getByRole('img', { name: words }));

  const query = 'query ($id: ID!) { task(id: $id) { timeline { kind } images { width height } } }';
  const { task } = await user.ask(query, { id });
  const steps = await page.getByRole('region', { name: 'Timeline' }).getByRole('listitem').locator('p:first-child').allTextContents();
  assert.deepEqual(steps.map((step) => step.toUpperCase().replaceAll(' ', '_')), task.timeline.map(({ kind }) => kind));

  const [{ width, height }] = task.images;
  assert.ok(width > 1024, `${width} × ${height} is no more than its preview`);
  await page.getByRole('button', { name: 'Download' }).click();
  assert.deepEqual(await downloaded(page, 'Original'), [width, height]);
  assert.deepEqual(await downloaded(page, 'Preview'), [1024, Math.round((1024 * height) / width)]);
  assert.deepEqual(await downloaded(page, 'Thumbnail'), [256, Math.round((256 * height) / width)]);
});

test('an image is edited from the page of its task, which is left by it', limit, async (t) => {
  const user = await console.newUser();
  const { id } = await makeTask(user, 'a house in the snow');
  const page = await console.open(t, user, `/#/tasks/${id}`);
  await page.getByRole('button', { name: 'Edit image' }).click();

  await tray(page).getByRole('img', { name: 'a house in the snow' }).waitFor();
  await prompt(page).waitFor();
});

test('a task that is deleted is gone, after a question', limit, async (t) => {
  const user = await console.newUser();
  const { id } = await makeTask(user, 'a city at night');
  const kept = await makeTask(user, 'a city at noon');
  const page = await console.open(t, user, `/#/tasks/${id}`);
  const remove = page.getByRole('button', { name: 'Delete' });
  await remove.click();
  await page.getByRole('dialog', { name: 'Delete this task?' }).getByRole('button', { name: 'Cancel' }).click();
  assert.equal((await tasksOf(user)).length, 2);

  await remove.click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await shows(page, [kept.id]);
  assert.deepEqual((await tasksOf(user)).map((task) => task.id), [kept.id]);
  await page.goto(`${console.gateway.url}/#/tasks/${id}`);
  await page.getByRole('heading', { name: 'Task not found' }).waitFor();
});

test('an image whose link has ended is shown by a fresh one', limit, async (t) => {
  const user = await console.newUser();
  await makeTask(user, 'a tin robot watering basil');
  const page = await console.open(t, user, '/', {
    expected: /status of 403/,
    prepare: (context) => context.route('**/graphql', endLinksOfHistory),
  });
  const refused = await page.waitForResponse((response) => response.url().includes('/images/') && response.status() === 403);
  assert.match(refused.url(), /expires=1&/);

  await assertSeen(picture(page, 'a tin robot watering basil'));
});

async function makeCanceled(user) {
  const id = await startTask(user, 'a plantain [sim:fail=400]');
  await user.ask('mutation ($id: ID!) { cancelTask(id: $id) { __typename } }', { id });
}

/** The history as it was read long ago. */
async function endLinksOfHistory(route) {
  if (!route.request().postData()?.includes('query History')) return route.continue();
  const response = await route.fetch();
  await route.fulfill({ response, body: (await response.text()).replaceAll(/expires=\d+/g, 'expires=1') });
}

/** Width and height of the file that this link downloads. */
async function downloaded(page, name) {
  const link = page.getByRole('link', { name });
  const [download] = await Promise.all([page.waitForEvent('download'), link.click()]);
  const bytes = Buffer.concat(await (await download.createReadStream()).toArray());
  const magics = { jpeg: 'ffd8ff', png: '89504e47' };
  const extension = download.suggestedFilename().split('.').at(-1);
  assert.ok(bytes.toString('hex', 0, 4).startsWith(magics[extension]), `${download.suggestedFilename()} is something else`);
  return page.evaluate(async (base64) => {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    const { width, height } = await createImageBitmap(new Blob([bytes]));
    return [width, height];
  }, bytes.toString('base64'));
}
