import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { format } from 'node:util';
import { buildSchema } from 'graphql';
import relay from 'relay-runtime';
import { startGateway } from './lib/gateway.mjs';
import { compile, schema } from './lib/relay.mjs';

const { Environment, Network, RecordSource, Store, commitMutation } = relay;
const source = new URL('relay/Mutations.js', import.meta.url);
const limit = { timeout: 120_000 };
const foundWithinMs = 30_000;
const pollEveryMs = 50;

let gateway, token, receiver, url;

before(async () => {
  gateway = await startGateway({ PLANTAIN_USER_QUOTA: '1000' });
  token = await gateway.token('ana', 3600, 'admin');
  receiver = createServer((request, response) => {
    request.resume();
    response.writeHead(204).end();
  }).listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  url = `http://127.0.0.1:${receiver.address().port}/hook`;
}, limit);

after(async () => {
  receiver?.close();
  await gateway?.stop();
}, limit);

test('Relay runs every mutation of the schema without a warning', limit, async (t) => {
  const warnings = recordWarnings(t);
  const client = await openClient(t);
  await runEveryMutation(client);

  assert.deepEqual(warnings, []);
  assert.deepEqual([...client.used].sort(), await mutationsOfSchema());
});

test('Relay warns about a result that has the id of a task', limit, async (t) => {
  const warnings = recordWarnings(t);
  const client = await openClient(t, ({ deleteTask: result }) => {
    if (result) result.id = result.deletedTaskId;
  });
  const { task } = await client.run('generateImages', { input: { prompt: 'a plantain', waitSeconds: 60 } });
  assert.deepEqual(warnings, []);
  await client.run('deleteTask', { id: task.id, forget: false });

  assert.match(warnings.join('\n'), /conflicting types `Task` and `TaskDeleted`/);
});

/** Runs mutations whose results share objects: those that create come first, and those that delete come last. */
async function runEveryMutation({ run }) {
  const { board } = await run('createBoard', { input: { kind: 'MOODBOARD', title: 'Plantains' } });
  const { endpoint } = await run('createWebhookEndpoint', { url, statuses: ['SUCCEEDED'] });
  const input = { prompt: 'a plantain', boardId: board.id, waitSeconds: 60 };
  const { task } = await run('generateImages', { input });
  const edit = await editImage(run, task.images[0]);
  const { task: copy } = await run('retryTask', { id: task.id, idempotencyKey: 'again' });
  await endUnfinishedTasks(run);
  await run('grantCredits', { userId: 'ana', amount: 5, reason: 'a test', idempotencyKey: 'first' });
  await operate(run);
  await changeBoard(run, board.id, task.images[0].id, edit.images[0].id);
  await changeEndpoint(run, endpoint.id);
  await run('deleteImage', { id: task.images[0].id, forget: true });
  await run('deleteImage', { id: edit.images[0].id, forget: false });
  await taskWithStatus(copy.id, 'SUCCEEDED');
  await run('deleteTask', { id: task.id, forget: true });
  await run('deleteTask', { id: copy.id, forget: false });
  await run('deleteBoard', { id: board.id });
  await run('deleteWebhookEndpoint', { id: endpoint.id });
}

/** Edits an image together with a copy of it that is uploaded, and returns the finished task. */
async function editImage(run, { id: imageId, url, contentType, byteSize }) {
  const body = await (await fetch(url)).arrayBuffer();
  const { id: uploadId, putUrl } = await run('createUpload', { input: { contentType, byteSize } });
  const response = await fetch(putUrl, { method: 'PUT', headers: { 'content-type': contentType }, body });
  assert.equal(response.status, 204, await response.text());
  const images = [{ imageId }, { uploadId }];
  const { task } = await run('editImages', { input: { prompt: 'in the rain', images, waitSeconds: 60 } });
  return task;
}

async function endUnfinishedTasks(run) {
  const { task: endless } = await run('generateImages', { input: { prompt: 'a plantain [sim:never-finishes]' } });
  await run('cancelTask', { id: endless.id });
  const { task: lost } = await run('generateImages', { input: { prompt: 'a plantain [sim:request-lost]' } });
  await taskWithStatus(lost.id, 'UNCONFIRMED');
  await run('resolveUnconfirmedTask', { id: lost.id, action: 'RELEASE' });
}

async function operate(run) {
  const filter = { userId: 'ana', status: ['UNCONFIRMED'] };
  await run('resolveTasks', { filter, action: 'RELEASE' });
  for (const name of ['cancelTasks', 'retryTasks', 'refundTasks']) await run(name, { filter });
  for (const name of ['setProviderLimits', 'pauseProvider', 'resumeProvider']) await run(name, { provider: 'ace-data' });
}

async function changeBoard(run, boardId, first, second) {
  await run('updateBoard', { id: boardId, title: 'Wet plantains' });
  await run('addImagesToBoard', { boardId, imageIds: [first, second] });
  await run('moveImagesOnBoard', { boardId, imageIds: [second], beforeImageId: first });
  await run('removeImagesFromBoard', { boardId, imageIds: [first] });
}

async function changeEndpoint(run, id) {
  await run('resendWebhookDelivery', { id: await deliveryOf(id) });
  await run('updateWebhookEndpoint', { id, statuses: ['SUCCEEDED', 'FAILED'] });
  await run('rotateWebhookSecret', { id });
}

function taskWithStatus(id, status) {
  const document = 'query ($id: ID!) { task(id: $id) { status } }';
  return eventually(`a task with the status ${status}`, async () => {
    const { task } = await gateway.graphql(token, document, { id });
    return task.status === status;
  });
}

/** Returns the id of the first delivery to an endpoint. */
function deliveryOf(id) {
  const document = /* GraphQL */ `
    query ($id: ID!) {
      node(id: $id) {
        ... on WebhookEndpoint {
          deliveries(last: 1) {
            nodes {
              id
            }
          }
        }
      }
    }
  `;
  return eventually('a delivery', async () => {
    const { node } = await gateway.graphql(token, document, { id });
    return node.deliveries.nodes[0]?.id;
  });
}

async function eventually(what, find) {
  const deadline = Date.now() + foundWithinMs;
  while (Date.now() < deadline) {
    const found = await find();
    if (found) return found;
    await pause(pollEveryMs);
  }
  throw new Error(`${what} did not appear within ${foundWithinMs / 1000} s`);
}

/**
 * Compiles the mutations and returns `run`, which executes one of them in a Relay environment that all share, and the
 * names in `used`. `spoil` can change the data of a response before Relay reads it.
 */
async function openClient(t, spoil) {
  const folder = await compile(t, 'Mutations.js', await readFile(source, 'utf8'));
  let data;
  const network = Network.create(async ({ text }, variables) => {
    data = await gateway.graphql(token, text, variables);
    spoil?.(data);
    return { data };
  });
  const environment = new Environment({ network, store: new Store(new RecordSource()) });

  const used = new Set();
  const run = async (name, variables) => {
    used.add(name);
    const mutation = await importMutation(folder, name);
    await new Promise((onCompleted, onError) =>
      commitMutation(environment, { mutation, variables, onCompleted, onError }),
    );
    // The data that Relay returns is without the fields of fragments.
    const { [name]: result } = data;
    assert.equal(result.message, undefined, `${name} returned ${result.__typename}`);
    return result;
  };
  return { run, used };
}

async function importMutation(folder, name) {
  const file = `Mutations${name[0].toUpperCase()}${name.slice(1)}Mutation.graphql.js`;
  return (await import(pathToFileURL(join(folder, file)))).default;
}

/** Records what Relay writes to the console, which its development build does for each warning. */
function recordWarnings(t) {
  const warnings = [];
  for (const method of ['warn', 'error']) {
    t.mock.method(console, method, (...words) => warnings.push(format(...words)));
  }
  return warnings;
}

async function mutationsOfSchema() {
  const mutation = buildSchema(await readFile(schema, 'utf8')).getMutationType();
  return Object.keys(mutation.getFields()).sort();
}
