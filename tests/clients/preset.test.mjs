import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, readFile, symlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { binary, environmentWithoutSettings, startGateway } from './lib/gateway.mjs';
import { run, temporaryFolder } from './lib/program.mjs';
import { cursors, statuses, successStatuses } from './lib/tasks.mjs';

const docs = fileURLToPath(new URL('../../docs/', import.meta.url));
const page = await readFile(join(docs, 'preset.md'), 'utf8');
const runnable = /^```bash run\n(.*?)^```$/gms;
const heading = '== ';
const limit = { timeout: 120_000 };

let gateway;
before(async () => (gateway = await startGateway()), limit);
after(() => gateway?.stop(), limit);

/** Runs all steps in one shell and returns the output of each: HTTP statuses, and the `data` of responses. */
async function runSteps(t) {
  const blocks = (section) => [...section.matchAll(runnable)].map(([, block]) => block);
  const sections = page.split(/^## /m);
  const script = sections.map((section, step) => `echo '${heading}${step}'\n${blocks(section).join('')}`).join('');
  const lines = await run(t, 'bash', ['-euo', 'pipefail', '-c', script], {
    cwd: await folderLikeTheRepository(t),
    env: { ...environmentWithoutSettings(), PLANTAIN_URL: gateway.url, PLANTAIN_DATA_DIR: gateway.dataDir },
  });
  const steps = [];
  for (const line of lines) {
    if (line.startsWith(heading)) steps.push([]);
    else steps.at(-1).push(line.startsWith('{') ? dataOf(line) : line);
  }
  return steps;
}

/** Creates a folder that looks like the repository, so that the steps write no files into the real one. */
async function folderLikeTheRepository(t) {
  const folder = await temporaryFolder(t);
  await mkdir(join(folder, 'target/debug'), { recursive: true });
  await symlink(resolve(binary), join(folder, 'target/debug/plantain'));
  await symlink(docs, join(folder, 'docs'));
  return folder;
}

function dataOf(line) {
  const { data, errors } = JSON.parse(line);
  assert.equal(errors, undefined, line);
  return data;
}

const ids = (images) => images.map(({ id }) => id);
const resultsOf = (answers, field) => answers.map((data) => data[field]).filter(Boolean);
const idsOnBoard = ({ board }) => ids(board.images.nodes);

test('every step of docs/preset.md works as described', limit, async (t) => {
  const [, , made, submitted, followed, edited, varied, ordered, rejections, deleted] = await runSteps(t);
  const [{ board }] = resultsOf(made, 'createBoard');
  const firstRound = resultsOf(followed, 'boardUpdated').at(-1).images.nodes;
  const secondRound = resultsOf(followed, 'taskEvents').at(-1).task.images;
  const [{ task: photo }] = resultsOf(edited, 'editImages');
  const [{ task: variations }] = resultsOf(varied, 'editImages');
  const [first, second] = ids(variations.images);

  await t.test('a request that is sent twice creates one task at the quoted price', () => {
    const [{ task, replayed }, again] = resultsOf(submitted, 'generateImages');
    assert.deepEqual([replayed, again.replayed, again.task.id], [false, true, task.id]);
    assert.equal(task.cost.reserved, resultsOf(submitted, 'quote')[0].credits);
    assert.deepEqual(task.metadata, { round: 1 });
  });

  await t.test('the board pushes the images of a round as they are stored, with thumbhash and URL', () => {
    const sizes = resultsOf(followed, 'boardUpdated').map(({ images }) => images.nodes.length);
    assert.deepEqual(sizes, [...sizes].sort());
    assert.ok(firstRound.every(({ thumbhash, url }) => thumbhash && url.includes('thumbnail')));
  });

  await t.test('the photo is uploaded and edited, and its events can be read afterwards', () => {
    const seen = resultsOf(edited, 'taskEvents').filter(({ task }) => task.id === photo.id);
    assert.equal(edited[1], '204');
    assert.deepEqual([...new Set(statuses(seen))], successStatuses);
    assert.ok(!cursors(seen).includes(resultsOf(followed, 'taskEvents').at(-1).cursor));
  });

  await t.test('the board has the requested order and can be read in pages', () => {
    const [moved] = resultsOf(ordered, 'moveImagesOnBoard');
    const [removed] = resultsOf(ordered, 'removeImagesFromBoard');
    const inOrder = ids([photo.images[0], ...firstRound, ...secondRound, variations.images[0]]);
    assert.ok(idsOnBoard(moved).includes(second));
    assert.deepEqual(idsOnBoard(moved).filter((id) => id !== second), inOrder);
    assert.deepEqual(idsOnBoard(removed), inOrder);

    const pages = resultsOf(ordered, 'board').slice(1);
    assert.deepEqual(pages.map(({ images }) => ids(images.nodes)).flat(), inOrder);
    assert.deepEqual(
      pages.map(({ images }) => images.pageInfo.hasNextPage),
      [true, false],
    );
  });

  await t.test('rejected and failed tasks have a field path or code, and cost nothing', () => {
    const [invalid, rejected, failed] = resultsOf(rejections, 'generateImages');
    assert.equal(invalid.__typename, 'InvalidInput');
    assert.deepEqual(invalid.fields.map(({ path }) => path.join()).sort(), ['count', 'prompt']);
    assert.equal(rejected.task.failure.code, 'CONTENT_REJECTED');
    assert.deepEqual([rejected, failed].map(({ task }) => task.failure.retryable), [false, true]);
    assert.deepEqual([rejected, failed].map(({ task }) => task.cost.settled), [0, 0]);
    assert.notEqual(resultsOf(rejections, 'retryTask')[0].task.id, failed.task.id);
  });

  await t.test('a deleted image is removed from the board, and its URL returns 404', async () => {
    assert.deepEqual(
      deleted.filter((line) => typeof line === 'string'),
      ['200', '404'],
    );
    assert.equal(resultsOf(deleted, 'deleteImage')[0].deletedImageId, first);
    const photoAndOlives = ids([photo.images[0], ...secondRound]).map((id) => ({ id }));
    assert.deepEqual(resultsOf(deleted, 'board')[0].images.nodes, photoAndOlives);
    const token = await gateway.token('creator-1');
    const now = await gateway.graphql(token, '{ boards { nodes { id images { nodes { id } } } } }');
    assert.deepEqual(now.boards.nodes, [{ id: board.id, images: { nodes: photoAndOlives } }]);
  });
});

test('the socket of docs/preset.md authenticates with the token of the Supabase session', limit, async () => {
  const [, code] = page.match(/^```js\n(.*?)^```$/ms);
  const connect = new Function('createClient', 'supabase', `${code}; return client;`);
  const session = { access_token: await gateway.token('creator-2') };
  const supabase = { auth: { getSession: async () => ({ data: { session } }) } };
  const here = { url: gateway.wsUrl, webSocketImpl: WebSocket };
  const client = connect((options) => createClient({ ...options, ...here }), supabase);

  const { value } = await client.iterate({ query: '{ viewer { id } }' }).next();
  await client.dispose();
  assert.deepEqual(value.data, { viewer: { id: 'creator-2' } });
});

test('every setting in docs/preset.md exists', limit, async () => {
  const { stdout } = await promisify(execFile)(binary, ['serve', '--help'], { env: environmentWithoutSettings() });
  const named = page.replace(runnable, '').match(/\b(PLANTAIN|AWS)_[A-Z_]+\b|\bDATABASE_URL\b/g);
  assert.ok(named.length > 10);
  assert.deepEqual(
    [...new Set(named)].filter((name) => !stdout.includes(`[env: ${name}`)),
    [],
  );
});
