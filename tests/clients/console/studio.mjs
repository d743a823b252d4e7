import assert from 'node:assert/strict';
import { acceptedId, generateImages } from '../lib/tasks.mjs';
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

/** Waits until an image is decoded, and fails unless it is the gateway's own. */
export async function assertSeen(image) {
  const decoded = ([element]) => {
    element?.scrollIntoView({ block: 'nearest' });
    return element?.complete && element.naturalWidth > 0 && element.src;
  };
  const { host, pathname } = new URL(await until('the image is seen', () => image.evaluateAll(decoded)));
  assert.equal(host, new URL(image.page().url()).host);
  assert.match(pathname, /^\/images\//);
}

/** Asks for images past the page. Answers with the id of the task. */
export async function startTask(user, words, input = {}) {
  return acceptedId(await user.ask(generateImages, { input: { prompt: words, ...input } }));
}

/** The same, and waits for the end of the task. Answers with it. */
export async function makeTask(user, words, input) {
  return taskOver(user, await startTask(user, words, input));
}

/** Makes a board with these images, past the page. Answers with its id. */
export async function makeBoard(user, title, imageIds) {
  const create = 'mutation ($title: String!) { createBoard(input: { title: $title, kind: MOODBOARD }) { ... on BoardChanged { board { id } } } }';
  const { id } = (await user.ask(create, { title })).createBoard.board;
  const add = 'mutation ($id: ID!, $imageIds: [ID!]!) { addImagesToBoard(boardId: $id, imageIds: $imageIds) { __typename } }';
  if (imageIds.length > 0) await user.ask(add, { id, imageIds });
  return id;
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
