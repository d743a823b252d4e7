import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { limit, lostConnection, until, useConsole } from './console/console.mjs';
import { submitPrompt, assertImageLoads, generate, createFinishedTask, picture, prompt, listTasks, tile, inputImages } from './console/create-page.mjs';

const console = useConsole({ PLANTAIN_SIMULATOR_DELAY_MS: '300', PLANTAIN_USER_QUOTA: '100' });
const drawing = new URL('../../docs/a-tin-robot-watering-basil.jpg', import.meta.url);

const left = (page) => page.getByRole('region', { name: 'Credits and providers' });

test('the cost of a request is shown before submission, and the credits decrease after it', limit, async (t) => {
  const page = await console.open(t, await console.newUser());
  await left(page).getByText('100 of 100 credits left').waitFor();

  await prompt(page).fill('a lighthouse in a storm');
  await page.getByRole('status').filter({ hasText: '4 credits · nano-banana' }).waitFor();
  await page.getByRole('radio', { name: '3' }).check();
  await page.getByRole('status').filter({ hasText: '12 credits' }).waitFor();
  await generate(page).click();

  await left(page).getByText('88 of 100 credits left').waitFor();
  await until('expected three images', () => picture(page, 'a lighthouse in a storm').count(), (count) => count === 3);
});

test('a submitted image shows progress and appears without a reload', limit, async (t) => {
  const page = await console.open(t, await console.newUser());
  await page.evaluate(() => (window.sameDocument = true));
  await submitPrompt(page, 'a sailing boat at sunset [sim:slow=2]');

  const live = tile(page, 'a sailing boat at sunset');
  await live.getByText('Generating').waitFor();
  await live.getByRole('progressbar', { name: 'Generating' }).waitFor();
  await assertImageLoads(picture(page, 'a sailing boat at sunset'));
  assert.equal(await page.getByRole('progressbar').count(), 0, 'the progress bar is still shown');
  assert.ok(await page.evaluate(() => window.sameDocument), 'the page was reloaded');
});

test('a blurred placeholder is shown until the image is loaded', limit, async (t) => {
  const page = await console.open(t, await console.newUser());
  let letThrough;
  const seen = new Promise((resolve) => (letThrough = resolve));
  await page.route('**/images/**', async (route) => {
    await seen;
    await route.continue();
  });
  await submitPrompt(page, 'mountains at dawn');

  const image = picture(page, 'mountains at dawn');
  await image.waitFor({ state: 'attached' });
  const placeholder = await image.evaluate(async ({ naturalWidth, parentElement }) => {
    const [, url] = getComputedStyle(parentElement).backgroundImage.match(/^url\("(data:image\/png[^"]+)"\)$/) ?? [];
    const blur = new Image();
    blur.src = url;
    await blur.decode();
    return { naturalWidth, blurWidth: blur.naturalWidth, shownWidth: parentElement.clientWidth };
  });
  assert.equal(placeholder.naturalWidth, 0, 'the image was not held back');
  assert.ok(placeholder.blurWidth > 0 && placeholder.shownWidth > 50, JSON.stringify(placeholder));
  letThrough();
  await assertImageLoads(image);
});

test('an image of the gallery can be edited', limit, async (t) => {
  const user = await console.newUser();
  await createFinishedTask(user, 'a fox asleep in a teacup');
  const page = await console.open(t, user);
  await tile(page, 'a fox asleep in a teacup').hover();
  await page.getByRole('button', { name: 'Edit image' }).click();

  assert.ok(await prompt(page).evaluate((field) => field === document.activeElement), 'the prompt field does not have the focus');
  await assertEdited(page, user, 'the same fox in the snow');
});

test('an image can be edited by dragging it from the gallery onto the composer', limit, async (t) => {
  const user = await console.newUser();
  await createFinishedTask(user, 'a red balloon');
  const page = await console.open(t, user);
  await picture(page, 'a red balloon').dragTo(prompt(page));

  await assertEdited(page, user, 'the same balloon in green');
});

test('a file can be edited by choosing it', limit, async (t) => {
  const user = await console.newUser();
  const page = await console.open(t, user);
  const chosen = page.waitForEvent('filechooser');
  await page.getByRole('button', { name: 'Add an image to edit' }).click();
  await (await chosen).setFiles({ name: 'robot.jpg', mimeType: 'image/jpeg', buffer: await readFile(drawing) });

  await assertEdited(page, user, 'the same robot at night');
});

test('a file can be edited by pasting it', limit, async (t) => {
  const user = await console.newUser();
  const page = await console.open(t, user);
  const clipboardData = await transfer(page, 'image/jpeg', await readFile(drawing));
  await prompt(page).evaluate((field, clipboardData) => {
    field.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
  }, clipboardData);

  await assertEdited(page, user, 'the same robot in the rain');
});

test('a file can be edited by dropping it', limit, async (t) => {
  const user = await console.newUser();
  const page = await console.open(t, user);
  const dataTransfer = await transfer(page, 'image/jpeg', await readFile(drawing));
  await prompt(page).dispatchEvent('dragover', { dataTransfer });
  await prompt(page).dispatchEvent('drop', { dataTransfer });

  await assertEdited(page, user, 'the same robot in autumn');
});

test('a file that is not an image is rejected beside its thumbnail and blocks submission', limit, async (t) => {
  const page = await console.open(t, await console.newUser(), '/', { expected: /status of 415/ });
  const dataTransfer = await transfer(page, 'image/png', Buffer.from('no image at all'));
  await prompt(page).dispatchEvent('drop', { dataTransfer });
  const alert = inputImages(page).getByRole('listitem').getByRole('alert');
  await alert.filter({ hasText: /./ }).waitFor();
  await prompt(page).fill('anything');
  assert.ok(await generate(page).isDisabled(), 'the form can be submitted with the invalid file');

  await page.getByRole('button', { name: 'Remove image 1' }).click();
  await inputImages(page).waitFor({ state: 'detached' });
  await page.getByRole('status').filter({ hasText: 'credits' }).waitFor();
  assert.ok(await generate(page).isEnabled(), 'the form cannot be submitted without the file');
});

test('a failure shows message and advice, and a double click retries it once', limit, async (t) => {
  const user = await console.newUser();
  const page = await console.open(t, user);
  await submitPrompt(page, 'a tin robot watering basil [sim:fail=501]');

  const failed = tile(page, 'a tin robot watering basil');
  await failed.getByRole('button', { name: 'Retry', exact: true }).waitFor();
  const [{ failure }] = (await user.graphql('{ tasks { nodes { failure { message advice } } } }')).tasks.nodes;
  await failed.getByText(failure.message).waitFor();
  await failed.getByText(failure.advice).waitFor();

  await failed.getByRole('button', { name: 'Retry', exact: true }).dblclick();
  await until('expected a second tile', () => failed.count(), (count) => count === 2);
  await until('expected both tasks to fail', () => failed.getByRole('button', { name: 'Retry', exact: true }).count(), (count) => count === 2);
  const answered = page.waitForResponse((response) => response.request().postData()?.includes('mutation Retry'));
  await failed.last().getByRole('button', { name: 'Retry', exact: true }).click();
  await answered;
  assert.equal((await listTasks(user)).length, 2);
});

test('a failed request can be edited and submitted again', limit, async (t) => {
  const user = await console.newUser();
  const page = await console.open(t, user);
  await page.getByRole('radio', { name: '2', exact: true }).check();
  await submitPrompt(page, 'a house in the snow [sim:fail=400]');
  await prompt(page).fill('');
  await tile(page, 'a house in the snow').getByRole('button', { name: 'Edit and retry' }).click();

  assert.equal(await prompt(page).inputValue(), 'a house in the snow [sim:fail=400]');
  await submitPrompt(page, 'a house in the snow at night');
  await assertImageLoads(picture(page, 'a house in the snow at night').first());
  assert.equal((await listTasks(user))[0].requestedImages, 2);
});

/** Submits an edit of the one image in the inputImages and checks the result. */
async function assertEdited(page, user, words) {
  await inputImages(page).getByRole('listitem').and(page.locator('[aria-busy="false"]')).waitFor();
  await submitPrompt(page, words);
  await assertImageLoads(picture(page, words));
  const [{ kind }] = await listTasks(user);
  assert.equal(kind, 'EDIT');
}

/** Creates the DataTransfer of a dropped or pasted file. */
function transfer(page, type, bytes) {
  return page.evaluateHandle(
    ({ type, base64 }) => {
      const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
      const files = new DataTransfer();
      files.items.add(new File([bytes], 'drawing', { type }));
      return files;
    },
    { type, base64: bytes.toString('base64') },
  );
}

test('a request whose response is lost can be sent again without creating a second task', limit, async (t) => {
  const user = await console.newUser();
  const page = await console.open(t, user, '/', { expected: lostConnection });
  let lost = 0;
  await onRequest(page, 'a red balloon', async (route) => {
    if (lost++ > 0) return route.continue();
    await route.fetch();
    await route.abort();
  });
  await submitPrompt(page, 'a red balloon');
  await inComposer(page, 'The gateway cannot be reached.').waitFor();
  await until('expected one task', async () => (await listTasks(user)).length, (count) => count === 1);

  await generate(page).click();
  await page.getByRole('status').filter({ hasText: 'already accepted' }).waitFor();
  assert.equal((await listTasks(user)).length, 1);
});

test('a double click creates one task, and a later click creates another', limit, async (t) => {
  const user = await console.newUser();
  const page = await console.open(t, user);
  await prompt(page).fill('a cactus at noon');
  await generate(page).dblclick();
  await assertImageLoads(picture(page, 'a cactus at noon'));
  assert.equal((await listTasks(user)).length, 1);

  await generate(page).click();
  await until('expected two tasks', async () => (await listTasks(user)).length, (count) => count === 2);
});

test('an error of an earlier prompt is shown after the prompt has changed', limit, async (t) => {
  const page = await console.open(t, await console.newUser(), '/', { expected: lostConnection });
  let abort;
  const aborted = new Promise((resolve) => (abort = resolve));
  await onRequest(page, 'the first words', async (route) => {
    await aborted;
    await route.abort();
  });
  await submitPrompt(page, 'the first words');
  await submitPrompt(page, 'a lighthouse in a storm');
  abort();

  await page.getByRole('status').filter({ hasText: 'Could not submit “the first words”' }).waitFor();
  await assertImageLoads(picture(page, 'a lighthouse in a storm'));
});

/** Intercepts the mutation with this prompt. */
async function onRequest(page, words, handle) {
  const isMutation = (body) => body?.query.startsWith('mutation Generate') && body.variables.input.prompt === words;
  await page.route('**/graphql', (route) => (isMutation(route.request().postDataJSON()) ? handle(route) : route.fallback()));
}

const inComposer = (page, text) => page.getByRole('form', { name: 'New images' }).getByText(text);
