import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limit, until, useConsole } from './console/console.mjs';
import { assertImageLoads, createFinishedTask, picture, prompt, submitTask, waitForTask, listTasks, tile, inputImages } from './console/create-page.mjs';
import { acceptedTaskId } from './lib/tasks.mjs';

const console = useConsole({ PLANTAIN_SIMULATOR_DELAY_MS: '200' });

const gallery = (page) => page.getByRole('region', { name: 'Images' });
/** Returns the ids of the tasks in the gallery, in their order. */
const shown = (page) =>
  gallery(page).locator('a[href*="/tasks/"]').evaluateAll((links) => links.map(({ href }) => href.split('/').at(-1)));
const shows = (page, ids) =>
  until('expected the gallery to show these tasks', () => shown(page), (found) => JSON.stringify(found) === JSON.stringify(ids));

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

/** Creates a user with a succeeded task, a failed task, and an edit of the first by another model. */
async function userWithHistory() {
  const user = await console.newUser();
  const ready = await createFinishedTask(user, 'a red balloon');
  const failed = await createFinishedTask(user, 'a sailing boat [sim:fail=400]');
  const input = { prompt: 'the balloon at night', model: 'flux-kontext-pro', images: [{ imageId: ready.images[0].id }] };
  const edited = await waitForTask(user, acceptedTaskId(await user.graphql(editImages, { input })));
  assert.deepEqual([ready, failed, edited].map(({ status }) => status), ['SUCCEEDED', 'FAILED', 'SUCCEEDED']);
  return { user, ready: ready.id, failed: failed.id, edited: edited.id };
}

test('the history can be filtered by status, prompt, kind, model and day', limit, async (t) => {
  const { user, ready, failed, edited } = await userWithHistory();
  // A time zone whose date differs from UTC for half of the day.
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

test('a new task appears in a filtered history only if it matches', limit, async (t) => {
  const user = await console.newUser();
  const page = await console.open(t, user);
  await page.getByRole('searchbox', { name: 'Search' }).fill('balloon');
  await page.getByText('No tasks match these filters.').waitFor();

  await createFinishedTask(user, 'a cactus in the desert');
  const { id } = await createFinishedTask(user, 'a balloon over the desert');
  await assertImageLoads(picture(page, 'a balloon over the desert'));
  await shows(page, [id]);
});

test('scrolling loads the whole history in order, without duplicates', limit, async (t) => {
  const user = await console.newUser();
  const count = 60;
  await Promise.all(Array.from({ length: count }, () => createCanceledTask(user)));
  const page = await console.open(t, user);
  await tile(page, 'a plantain').first().waitFor();
  const first = (await shown(page)).length;
  assert.ok(first < count, `all ${first} tasks were loaded at once`);

  await until('expected to reach the end of the history', async () => {
    await page.mouse.wheel(0, 5_000);
    return (await shown(page)).length === count;
  });
  assert.deepEqual(await shown(page), (await listTasks(user)).map(({ id }) => id));
});

test('the task page shows the timeline and offers the image for download in each size', limit, async (t) => {
  const user = await console.newUser();
  const words = 'mountains at dawn';
  const wide = { aspectRatio: '16:9', resolution: 'R2K', model: 'nano-banana-2' };
  const { id } = await createFinishedTask(user, words, wide);
  const page = await console.open(t, user);
  await picture(page, words).click();
  await page.getByRole('heading', { level: 1, name: words }).waitFor();
  await assertImageLoads(page.getByRole('img', { name: words }));

  const query = 'query ($id: ID!) { task(id: $id) { timeline { kind } images { width height } } }';
  const { task } = await user.graphql(query, { id });
  const steps = await page.getByRole('region', { name: 'Timeline' }).getByRole('listitem').locator('p:first-child').allTextContents();
  assert.deepEqual(steps.map((step) => step.toUpperCase().replaceAll(' ', '_')), task.timeline.map(({ kind }) => kind));

  const [{ width, height }] = task.images;
  assert.ok(width > 1024, `${width} × ${height} is not larger than the preview`);
  await page.getByRole('button', { name: 'Download' }).click();
  assert.deepEqual(await downloaded(page, 'Original'), [width, height]);
  assert.deepEqual(await downloaded(page, 'Preview'), [1024, Math.round((1024 * height) / width)]);
  assert.deepEqual(await downloaded(page, 'Thumbnail'), [256, Math.round((256 * height) / width)]);
});

test('editing an image from the task page opens the create page', limit, async (t) => {
  const user = await console.newUser();
  const { id } = await createFinishedTask(user, 'a house in the snow');
  const page = await console.open(t, user, `/#/tasks/${id}`);
  await page.getByRole('button', { name: 'Edit image' }).click();

  await inputImages(page).getByRole('img', { name: 'a house in the snow' }).waitFor();
  await prompt(page).waitFor();
});

test('a task is deleted after confirmation', limit, async (t) => {
  const user = await console.newUser();
  const { id } = await createFinishedTask(user, 'a city at night');
  const kept = await createFinishedTask(user, 'a city at noon');
  const page = await console.open(t, user, `/#/tasks/${id}`);
  const remove = page.getByRole('button', { name: 'Delete' });
  await remove.click();
  await page.getByRole('dialog', { name: 'Delete this task?' }).getByRole('button', { name: 'Cancel' }).click();
  assert.equal((await listTasks(user)).length, 2);

  await remove.click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await shows(page, [kept.id]);
  assert.deepEqual((await listTasks(user)).map((task) => task.id), [kept.id]);
  await page.goto(`${console.gateway.url}/#/tasks/${id}`);
  await page.getByRole('heading', { name: 'Task not found' }).waitFor();
});

test('an image with an expired URL is loaded with a new URL', limit, async (t) => {
  const user = await console.newUser();
  await createFinishedTask(user, 'a tin robot watering basil');
  const page = await console.open(t, user, '/', {
    expected: /status of 403/,
    prepare: (context) => context.route('**/graphql', expireImageUrls),
  });
  const rejected = await page.waitForResponse((response) => response.url().includes('/images/') && response.status() === 403);
  assert.match(rejected.url(), /expires=1&/);

  await assertImageLoads(picture(page, 'a tin robot watering basil'));
});

async function createCanceledTask(user) {
  const id = await submitTask(user, 'a plantain [sim:fail=400]');
  await user.graphql('mutation ($id: ID!) { cancelTask(id: $id) { __typename } }', { id });
}

/** Replaces the image URLs of the history with expired ones. */
async function expireImageUrls(route) {
  if (!route.request().postData()?.includes('query History')) return route.continue();
  const response = await route.fetch();
  await route.fulfill({ response, body: (await response.text()).replaceAll(/expires=\d+/g, 'expires=1') });
}

/** Downloads the file of this link and returns its width and height. */
async function downloaded(page, name) {
  const link = page.getByRole('link', { name });
  const [download] = await Promise.all([page.waitForEvent('download'), link.click()]);
  const bytes = Buffer.concat(await (await download.createReadStream()).toArray());
  const signatures = { jpeg: 'ffd8ff', png: '89504e47' };
  const extension = download.suggestedFilename().split('.').at(-1);
  assert.ok(bytes.toString('hex', 0, 4).startsWith(signatures[extension]), `${download.suggestedFilename()} has another format`);
  return page.evaluate(async (base64) => {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    const { width, height } = await createImageBitmap(new Blob([bytes]));
    return [width, height];
  }, bytes.toString('base64'));
}
