import assert from 'node:assert/strict';
import { generateImages } from '../lib/tasks.mjs';
import { until } from './console.mjs';

export const prompt = (page) => page.getByLabel('Prompt');
export const generate = (page) => page.getByRole('button', { name: 'Generate' });
export const tray = (page) => page.getByRole('list', { name: 'Images to edit' });
export const tile = (page, words) => page.getByRole('region', { name: 'Images' }).getByRole('listitem').filter({ hasText: words });
export const picture = (page, words) => page.getByRole('region', { name: 'Images' }).getByRole('img', { name: words });

/** Asks for images in the composer, as a user does. */
export async function ask(page, words) {
  await prompt(page).fill(words);
  await generate(page).click();
}

/** Waits for an image, and fails unless it is the gateway's and was really decoded. */
export async function assertSeen(image) {
  await image.scrollIntoViewIfNeeded();
  const size = await image.evaluate(async (element) => {
    await element.decode();
    return { width: element.naturalWidth, height: element.naturalHeight, url: new URL(element.src) };
  });
  assert.ok(size.width > 0 && size.height > 0, JSON.stringify(size));
  const { pathname, host } = new URL(await image.evaluate(({ src }) => src));
  assert.match(pathname, /^\/images\//);
  assert.equal(host, new URL(image.page().url()).host);
  return size;
}

/** Makes a task past the page, and waits for its end. Answers with it. */
export async function makeTask(user, words, input = {}) {
  const { generateImages: accepted } = await user.ask(generateImages, { input: { prompt: words, ...input } });
  assert.equal(accepted.__typename, 'TaskAccepted', accepted.message);
  return taskOver(user, accepted.task.id);
}

const oneTask = /* GraphQL */ `
  query OneTask($id: ID!) {
    task(id: $id) {
      id
      status
      kind
      images {
        id
        url
      }
    }
  }
`;

const isOver = ({ status }) => ['SUCCEEDED', 'FAILED', 'CANCELED'].includes(status);

export async function taskOver(user, id) {
  return until(`task ${id} ends`, async () => (await user.ask(oneTask, { id })).task, isOver);
}

/** The user's tasks by the gateway's own word, newest first. */
export async function tasksOf(user) {
  const { tasks } = await user.ask('{ tasks(first: 100) { nodes { id status kind prompt requestedImages } } }');
  return tasks.nodes;
}
