import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { assertImageLoads, createBoard, createFinishedTask, picture, prompt, submitTask, waitForTask, tile } from './create-page.mjs';

const folder = process.env.PLANTAIN_WRITE_DOCS ? 'docs' : 'target';
const path = fileURLToPath(new URL(`../../../${folder}/console.jpg`, import.meta.url));

/** Prompt and aspect ratio of each image, oldest first. */
const pictures = [
  ['a cat asleep on a kitchen window sill in autumn', '4:3'],
  ['a red balloon over the desert at noon', '3:4'],
  ['a city at night, neon', '16:9'],
  ['a house in the snow at dusk', '4:3'],
  ['a teal sofa in a living room, boho moodboard', '3:2'],
  ['a lighthouse in a storm', '3:4'],
  ['mountains at dawn', '16:9'],
  ['a sailing boat at sunset', '4:3'],
  ['a fox asleep in a teacup', '1:1'],
  ['a tin robot watering basil on a sunny window sill', '3:2'],
];
const models = ['nano-banana', 'flux-kontext-pro', 'ace/nano-banana'];
const shapesOf = { 'flux-kontext-pro': ['21:9', '16:9', '4:3', '1:1', '3:4', '9:16'] };
const boards = [
  ['Kitchen', 9],
  ['Weather', 5],
  ['Living room', 4],
];

// Too long for a tile, so that the simulator marker at the end is not visible.
const longPrompt = `a glass greenhouse at blue hour, warm lamps between ferns and lemon trees, rain on the panes, a wet gravel
path that leads to it, and a gray cat who waits at its door until somebody lets it in`;
const slow = { model: 'nano-banana-2', aspectRatio: '4:3' };
const slowMarker = '[sim:slow=5]';

/** Creates the user with the images and boards for the screenshot. */
export async function createScreenshotUser(console) {
  const user = await console.newUser('mara');
  // A finished task of this model, so that the next one has an ETA.
  const first = createFinishedTask(user, `a greenhouse garden in spring ${slowMarker}`, slow);
  const ids = [];
  for (const [index, [promptText, aspectRatio]] of pictures.entries()) {
    ids.push(await submitTask(user, promptText, { aspectRatio, model: modelFor(index, aspectRatio) }));
  }
  const tasks = await Promise.all(ids.map((id) => waitForTask(user, id)));
  for (const [title, shown] of boards) await createBoard(user, title, [tasks[shown].images[0].id]);
  await first;
  return user;
}

function modelFor(index, aspectRatio) {
  const able = models.filter((model) => shapesOf[model]?.includes(aspectRatio) ?? true);
  return able[index % able.length];
}

/** Takes the screenshot of the console for the README. */
export async function takeScreenshot(page, user) {
  const robot = pictures.at(-1)[0];
  await tile(page, robot).first().getByRole('button', { name: 'Edit image' }).click();
  await prompt(page).fill('the same robot on a balcony at night');
  await page.getByRole('status').filter({ hasText: 'credits' }).waitFor();
  for (const [promptText] of pictures) await assertImageLoads(picture(page, promptText).first());
  await submitTask(user, `${longPrompt} ${slowMarker}`, slow);
  await tile(page, 'a glass greenhouse').getByText(/about \d+ s left/).waitFor();
  await page.evaluate(() => scrollTo(0, 0));
  await page.mouse.move(0, 0);

  await mkdir(new URL('.', `file://${path}`), { recursive: true });
  await page.screenshot({ path, type: 'jpeg', quality: 85 });
}
