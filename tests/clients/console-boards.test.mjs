import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limit, until, useConsole } from './console/console.mjs';
import { submitPrompt, assertImageLoads, createBoard, createFinishedTask, picture, listTasks } from './console/create-page.mjs';

const console = useConsole({ PLANTAIN_SIMULATOR_DELAY_MS: '200' });

const main = (page) => page.getByRole('main');
const sidebar = (page) => page.getByRole('navigation', { name: 'Boards' });
const tiles = (page) => main(page).locator('[data-image]');
const shown = (page) => tiles(page).evaluateAll((all) => all.map(({ dataset }) => dataset.image));
const shows = (page, ids) => until('expected the board to show these images', () => shown(page), (found) => String(found) === String(ids));

/** Returns the image ids of a board from the API. */
async function imagesOn(user, id) {
  const query = 'query ($id: ID!) { board(id: $id) { images(first: 100) { nodes { id } } } }';
  const { board } = await user.graphql(query, { id });
  return board.images.nodes.map((image) => image.id);
}
const holds = (user, id, ids) =>
  until('expected the board to contain these images', () => imagesOn(user, id), (found) => String(found) === String(ids));

/** Creates a user with a board of three images. */
async function userWithBoard() {
  const user = await console.newUser();
  const { images } = await createFinishedTask(user, 'a cactus in the desert', { count: 3 });
  const ids = images.map(({ id }) => id);
  return { user, ids, board: await createBoard(user, 'Kitchen', ids) };
}

test('a new board appears in the sidebar', limit, async (t) => {
  const page = await console.open(t, await console.newUser(), '/#/boards');
  await page.getByLabel('Title').fill('Kitchen ideas');
  await page.getByRole('button', { name: 'Create board' }).click();

  await page.getByRole('heading', { level: 1, name: 'Kitchen ideas' }).waitFor();
  await sidebar(page).getByRole('link', { name: 'Kitchen ideas' }).waitFor();
});

test('an image is added to a board by dragging it onto the board name', limit, async (t) => {
  const user = await console.newUser();
  const { images } = await createFinishedTask(user, 'a red balloon');
  const board = await createBoard(user, 'Kitchen', []);
  const page = await console.open(t, user);
  const name = sidebar(page).getByRole('link', { name: 'Kitchen' });
  await picture(page, 'a red balloon').dragTo(name);

  await holds(user, board, [images[0].id]);
  await name.click();
  await assertImageLoads(main(page).getByRole('img', { name: 'a red balloon' }));
});

test('an image is added to a board by its button', limit, async (t) => {
  const user = await console.newUser();
  const { images } = await createFinishedTask(user, 'a red balloon');
  const board = await createBoard(user, 'Kitchen', []);
  const page = await console.open(t, user);
  await page.getByRole('button', { name: 'Add to board' }).click();
  await main(page).getByRole('button', { name: 'Kitchen' }).click();

  await holds(user, board, [images[0].id]);
});

test('board images are reordered by their buttons, which keep the focus', limit, async (t) => {
  const { user, ids: [a, b, c], board } = await userWithBoard();
  const page = await console.open(t, user, `/#/boards/${board}`);
  await shows(page, [a, b, c]);
  await page.getByRole('button', { name: 'Move later: image 1' }).click();
  await shows(page, [b, a, c]);
  await holds(user, board, [b, a, c]);

  await until('expected the button to have the focus', () => page.evaluate(() => document.activeElement.ariaLabel), (name) => name?.startsWith('Move later: image 2'));
  await page.keyboard.press('Enter');
  await holds(user, board, [b, c, a]);
  await page.getByRole('button', { name: 'Move earlier: image 2' }).click();
  await holds(user, board, [c, b, a]);
});

test('board images are reordered by dragging them', limit, async (t) => {
  const { user, ids: [a, b, c], board } = await userWithBoard();
  const page = await console.open(t, user, `/#/boards/${board}`);
  await shows(page, [a, b, c]);
  const { width, height } = await tiles(page).nth(1).boundingBox();
  await tiles(page).first().dragTo(tiles(page).nth(1), { targetPosition: { x: width * 0.9, y: height / 2 } });

  await shows(page, [b, a, c]);
  await holds(user, board, [b, a, c]);
});

test('a change in one tab appears in another tab', limit, async (t) => {
  const { user, ids: [a, b, c], board } = await userWithBoard();
  const page = await console.open(t, user, `/#/boards/${board}`);
  const another = await page.context().newPage();
  await another.goto(page.url());
  await shows(another, [a, b, c]);
  await page.getByRole('button', { name: 'Remove from board: image 2' }).click();
  await shows(another, [a, c]);

  await another.getByRole('button', { name: 'Rename board' }).click();
  await another.getByLabel('Title of the board').fill('Desert');
  await another.getByRole('button', { name: 'Rename', exact: true }).click();
  await page.getByRole('heading', { level: 1, name: 'Desert' }).waitFor();
});

test('an image generated for a board is added to it', limit, async (t) => {
  const user = await console.newUser();
  const board = await createBoard(user, 'Kitchen', []);
  const page = await console.open(t, user, `/#/boards/${board}`);
  await page.getByRole('button', { name: 'Create images for this board' }).click();
  await submitPrompt(page, 'a house in the snow');
  await assertImageLoads(picture(page, 'a house in the snow'));

  assert.equal((await imagesOn(user, board)).length, 1);
  await sidebar(page).getByRole('link', { name: 'Kitchen' }).click();
  await assertImageLoads(main(page).getByRole('img', { name: 'a house in the snow' }));
});

test('deleting a board keeps its images in the history', limit, async (t) => {
  const { user, board } = await userWithBoard();
  const page = await console.open(t, user, `/#/boards/${board}`);
  await page.getByRole('button', { name: 'Delete board' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete board' }).click();

  await page.getByRole('heading', { level: 1, name: 'Boards' }).waitFor();
  await sidebar(page).getByRole('link', { name: 'Kitchen' }).waitFor({ state: 'detached' });
  assert.equal((await listTasks(user)).length, 1);
});
