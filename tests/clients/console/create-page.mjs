import assert from 'node:assert/strict';
import { acceptedTaskId, generateImages } from '../lib/tasks.mjs';
import { until } from './console.mjs';

export const prompt = (page) => page.getByLabel('Prompt');
export const generate = (page) => page.getByRole('button', { name: 'Generate' });
export const inputImages = (page) => page.getByRole('list', { name: 'Images to edit' });
export const tile = (page, promptText) => page.getByRole('region', { name: 'Images' }).getByRole('listitem').filter({ hasText: promptText });
export const picture = (page, promptText) => page.getByRole('region', { name: 'Images' }).getByRole('img', { name: promptText });

/** Submits a prompt in the composer. */
export async function submitPrompt(page, promptText) {
  await prompt(page).fill(promptText);
  await generate(page).click();
}

/** Waits until an image is decoded, and fails unless its URL is one of the gateway. */
export async function assertImageLoads(image) {
  const decoded = ([element]) => {
    element?.scrollIntoView({ block: 'nearest' });
    return element?.complete && element.naturalWidth > 0 && element.src;
  };
  const { host, pathname } = new URL(await until('expected the image to load', () => image.evaluateAll(decoded)));
  assert.equal(host, new URL(image.page().url()).host);
  assert.match(pathname, /^\/images\//);
}

/** Submits a task through the API and returns its id. */
export async function submitTask(user, promptText, input = {}) {
  return acceptedTaskId(await user.graphql(generateImages, { input: { prompt: promptText, ...input } }));
}

/** Submits a task through the API, waits until it is finished, and returns it. */
export async function createFinishedTask(user, promptText, input) {
  return waitForTask(user, await submitTask(user, promptText, input));
}

/** Creates a board with these images through the API and returns its id. */
export async function createBoard(user, title, imageIds) {
  const create = 'mutation ($title: String!) { createBoard(input: { title: $title, kind: MOODBOARD }) { ... on BoardChanged { board { id } } } }';
  const { id } = (await user.graphql(create, { title })).createBoard.board;
  const add = 'mutation ($id: ID!, $imageIds: [ID!]!) { addImagesToBoard(boardId: $id, imageIds: $imageIds) { __typename } }';
  if (imageIds.length > 0) await user.graphql(add, { id, imageIds });
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

const isFinished = ({ status }) => ['SUCCEEDED', 'FAILED', 'CANCELED'].includes(status);

export async function waitForTask(user, id) {
  return until(`expected task ${id} to finish`, async () => (await user.graphql(oneTask, { id })).task, isFinished);
}

/** Returns the user's tasks from the API, newest first. */
export async function listTasks(user) {
  const { tasks } = await user.graphql('{ tasks(first: 100) { nodes { id status kind prompt requestedImages } } }');
  return tasks.nodes;
}
