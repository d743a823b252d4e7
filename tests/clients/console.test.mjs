import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { limit, lostConnection, until, useConsole } from './console/console.mjs';
import { ask, assertSeen, generate, makeTask, picture, prompt, tasksOf, tile, tray } from './console/studio.mjs';

const console = useConsole({ PLANTAIN_SIMULATOR_DELAY_MS: '300', PLANTAIN_USER_QUOTA: '100' });
const drawing = new URL('../../docs/a-tin-robot-watering-basil.jpg', import.meta.url);

const left = (page) => page.getByRole('region', { name: 'Credits and providers' });

test('what a request costs is said before, and its credits are gone after', limit, async (t) => {
  const page = await console.open(t, await console.newUser());
  await left(page).getByText('100 of 100 credits left').waitFor();

  await prompt(page).fill('a lighthouse in a storm');
  await page.getByRole('status').filter({ hasText: '4 credits · nano-banana' }).waitFor();
  await page.getByRole('radio', { name: '3' }).check();
  await page.getByRole('status').filter({ hasText: '12 credits' }).waitFor();
  await generate(page).click();

  await left(page).getByText('88 of 100 credits left').waitFor();
  await until('three images are there', () => picture(page, 'a lighthouse in a storm').count(), (count) => count === 3);
});

test('an image that was asked for is seen to be made, and arrives without a reload', limit, async (t) => {
  const page = await console.open(t, await console.newUser());
  await page.evaluate(() => (window.sameDocument = true));
  await ask(page, 'a sailing boat at sunset [sim:slow=2]');

  const live = tile(page, 'a sailing boat at sunset');
  await live.getByText('Generating').waitFor();
  await live.getByRole('progressbar', { name: 'Generating' }).waitFor();
  await assertSeen(picture(page, 'a sailing boat at sunset'));
  assert.equal(await page.getByRole('progressbar').count(), 0, 'it still seems to be made');
  assert.ok(await page.evaluate(() => window.sameDocument), 'the page was loaded again');
});

test('a blurred placeholder stands where an image will be, until it is loaded', limit, async (t) => {
  const page = await console.open(t, await console.newUser());
  let letThrough;
  const seen = new Promise((resolve) => (letThrough = resolve));
  await page.route('**/images/**', async (route) => {
    await seen;
    await route.continue();
  });
  await ask(page, 'mountains at dawn');

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
  await assertSeen(image);
});

test('an image of the gallery is edited', limit, async (t) => {
  const user = await console.newUser();
  await makeTask(user, 'a fox asleep in a teacup');
  const page = await console.open(t, user);
  await tile(page, 'a fox asleep in a teacup').hover();
  await page.getByRole('button', { name: 'Edit image' }).click();

  assert.ok(await prompt(page).evaluate((field) => field === document.activeElement), 'the words cannot be typed at once');
  await assertEdited(page, user, 'the same fox in the snow');
});

test('an image that is dragged from the gallery onto the composer is edited', limit, async (t) => {
  const user = await console.newUser();
  await makeTask(user, 'a red balloon');
  const page = await console.open(t, user);
  await picture(page, 'a red balloon').dragTo(prompt(page));

  await assertEdited(page, user, 'the same balloon in green');
});

test('a file that is chosen is edited', limit, async (t) => {
  const user = await console.newUser();
  const page = await console.open(t, user);
  const chosen = page.waitForEvent('filechooser');
  await page.getByRole('button', { name: 'Add an image to edit' }).click();
  await (await chosen).setFiles({ name: 'robot.jpg', mimeType: 'image/jpeg', buffer: await readFile(drawing) });

  await assertEdited(page, user, 'the same robot at night');
});

test('a file that is pasted is edited', limit, async (t) => {
  const user = await console.newUser();
  const page = await console.open(t, user);
  const clipboardData = await transfer(page, 'image/jpeg', await readFile(drawing));
  await prompt(page).evaluate((field, clipboardData) => {
    field.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
  }, clipboardData);

  await assertEdited(page, user, 'the same robot in the rain');
});

test('a file that is dropped is edited', limit, async (t) => {
  const user = await console.newUser();
  const page = await console.open(t, user);
  const dataTransfer = await transfer(page, 'image/jpeg', await readFile(drawing));
  await prompt(page).dispatchEvent('dragover', { dataTransfer });
  await prompt(page).dispatchEvent('drop', { dataTransfer });

  await assertEdited(page, user, 'the same robot in autumn');
});

test('a file that is no image is refused beside its thumbnail, and nothing is sent with it', limit, async (t) => {
  const page = await console.open(t, await console.newUser(), '/', { expected: /status of 415/ });
  const dataTransfer = await transfer(page, 'image/png', Buffer.from('no image at all'));
  await prompt(page).dispatchEvent('drop', { dataTransfer });
  const refusal = tray(page).getByRole('listitem').getByRole('alert');
  await refusal.filter({ hasText: /./ }).waitFor();
  await prompt(page).fill('anything');
  assert.ok(await generate(page).isDisabled(), 'it can be sent');

  await page.getByRole('button', { name: 'Remove image 1' }).click();
  await tray(page).waitFor({ state: 'detached' });
  await page.getByRole('status').filter({ hasText: 'credits' }).waitFor();
  assert.ok(await generate(page).isEnabled(), 'it cannot be sent without the file');
});

test('a failure says why and what to do, and is tried again once, however often that is pressed', limit, async (t) => {
  const user = await console.newUser();
  const page = await console.open(t, user);
  await ask(page, 'a tin robot watering basil [sim:fail=501]');

  const failed = tile(page, 'a tin robot watering basil');
  await failed.getByRole('button', { name: 'Retry', exact: true }).waitFor();
  const [{ failure }] = (await user.ask('{ tasks { nodes { failure { message advice } } } }')).tasks.nodes;
  await failed.getByText(failure.message).waitFor();
  await failed.getByText(failure.advice).waitFor();

  await failed.getByRole('button', { name: 'Retry', exact: true }).dblclick();
  await until('a second tile is there', () => failed.count(), (count) => count === 2);
  await until('both have failed', () => failed.getByRole('button', { name: 'Retry', exact: true }).count(), (count) => count === 2);
  const answered = page.waitForResponse((response) => response.request().postData()?.includes('mutation Retry'));
  await failed.last().getByRole('button', { name: 'Retry', exact: true }).click();
  await answered;
  assert.equal((await tasksOf(user)).length, 2);
});

test('a request whose failure is mended by other words is changed and arrives', limit, async (t) => {
  const user = await console.newUser();
  const page = await console.open(t, user);
  await page.getByRole('radio', { name: '2', exact: true }).check();
  await ask(page, 'a house in the snow [sim:fail=400]');
  await prompt(page).fill('');
  await tile(page, 'a house in the snow').getByRole('button', { name: 'Edit and retry' }).click();

  assert.equal(await prompt(page).inputValue(), 'a house in the snow [sim:fail=400]');
  await ask(page, 'a house in the snow at night');
  await assertSeen(picture(page, 'a house in the snow at night').first());
  assert.equal((await tasksOf(user))[0].requestedImages, 2);
});

/** Asks for a change of the one image in the tray, and sees the result. */
async function assertEdited(page, user, words) {
  await tray(page).getByRole('listitem').and(page.locator('[aria-busy="false"]')).waitFor();
  await ask(page, words);
  await assertSeen(picture(page, words));
  const [{ kind }] = await tasksOf(user);
  assert.equal(kind, 'EDIT');
}

/** What a drop or a paste of a file brings. */
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

test('a request whose answer is lost is sent again without making a second task', limit, async (t) => {
  const user = await console.newUser();
  const page = await console.open(t, user, '/', { expected: lostConnection });
  let lost = 0;
  await onRequest(page, 'a red balloon', async (route) => {
    if (lost++ > 0) return route.continue();
    await route.fetch();
    await route.abort();
  });
  await ask(page, 'a red balloon');
  await inComposer(page, 'The gateway cannot be reached.').waitFor();
  await until('it was taken', async () => (await tasksOf(user)).length, (count) => count === 1);

  await generate(page).click();
  await page.getByRole('status').filter({ hasText: 'already accepted' }).waitFor();
  assert.equal((await tasksOf(user)).length, 1);
});

test('a double click is one wish, and another press is another', limit, async (t) => {
  const user = await console.newUser();
  const page = await console.open(t, user);
  await prompt(page).fill('a cactus at noon');
  await generate(page).dblclick();
  await assertSeen(picture(page, 'a cactus at noon'));
  assert.equal((await tasksOf(user)).length, 1);

  await generate(page).click();
  await until('there are two', async () => (await tasksOf(user)).length, (count) => count === 2);
});

test('a refusal of words that are no longer there is told all the same', limit, async (t) => {
  const page = await console.open(t, await console.newUser(), '/', { expected: lostConnection });
  let refuse;
  const written = new Promise((resolve) => (refuse = resolve));
  await onRequest(page, 'the first words', async (route) => {
    await written;
    await route.abort();
  });
  await ask(page, 'the first words');
  await ask(page, 'a lighthouse in a storm');
  refuse();

  await page.getByRole('status').filter({ hasText: 'Could not submit “the first words”' }).waitFor();
  await assertSeen(picture(page, 'a lighthouse in a storm'));
});

/** Handles the requests for images with these words. */
async function onRequest(page, words, handle) {
  const asks = (body) => body?.query.startsWith('mutation Generate') && body.variables.input.prompt === words;
  await page.route('**/graphql', (route) => (asks(route.request().postDataJSON()) ? handle(route) : route.fallback()));
}

const inComposer = (page, text) => page.getByRole('form', { name: 'New images' }).getByText(text);
