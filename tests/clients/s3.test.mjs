import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { startGateway } from './lib/gateway.mjs';
import { startS3 } from './lib/s3.mjs';
import { assertImage, generate } from './lib/tasks.mjs';

const limit = { timeout: 120_000 };
const bucket = 'plantain-pictures';

let s3, gateway;
before(
  async () => {
    s3 = await startS3(bucket);
    gateway = await startGateway({
      PLANTAIN_STORAGE_URL: `s3://${bucket}/some/prefix`,
      PLANTAIN_SIMULATOR_DELAY_MS: '200',
      AWS_ENDPOINT_URL: s3.url,
      AWS_REGION: 'eu-central-1',
      AWS_ACCESS_KEY_ID: 'id',
      AWS_SECRET_ACCESS_KEY: 'key',
    });
  },
  { timeout: 600_000 },
);
after(async () => {
  await gateway?.stop();
  await s3?.kill();
}, limit);

const taskWithImages = /* GraphQL */ `
  query Task($id: ID!) {
    task(id: $id) {
      status
      timeline {
        kind
      }
      images {
        url
        thumbnail: url(variant: THUMBNAIL)
        sha256
        contentType
      }
    }
  }
`;

/** Waits until the task satisfies the condition and returns the task. */
async function waitForTask(token, id, isAsWanted) {
  for (;;) {
    const { task } = await gateway.graphql(token, taskWithImages, { id });
    if (isAsWanted(task)) return task;
    await pause(50);
  }
}

async function open(url) {
  const response = await fetch(url);
  assert.equal(response.status, 200);
  return Buffer.from(await response.arrayBuffer());
}

const hasSucceeded = ({ status }) => status === 'SUCCEEDED';
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

test('images are stored in a bucket under the prefix and can be opened by their URLs', limit, async () => {
  const token = await gateway.token('ana');
  const id = await generate(gateway, token, 'a tin robot watering basil');
  const [image] = (await waitForTask(token, id, hasSucceeded)).images;

  const original = await open(image.url);
  assert.equal(sha256(original), image.sha256);
  const thumbnail = await open(image.thumbnail);
  assertImage(thumbnail, image.contentType);
  assert.ok(thumbnail.length < original.length);
  assert.deepEqual(await open(image.thumbnail), thumbnail);

  const keys = await s3.keys();
  assert.equal(keys.filter((key) => !key.endsWith('/readiness')).length, 2, keys.join());
  assert.ok(
    keys.every((key) => key.startsWith('some/prefix/')),
    keys.join(),
  );
});

test('a task stays in STORING while the bucket is unavailable, and succeeds when it is available again', limit, async () => {
  const token = await gateway.token('ben');
  const ready = async () => (await fetch(`${gateway.url}/readyz`)).json();
  await s3.kill();
  const id = await generate(gateway, token, 'a copper robot');
  const postponed = ({ timeline }) => timeline.some(({ kind }) => kind === 'DOWNLOAD_POSTPONED');
  const waiting = await waitForTask(token, id, postponed);
  assert.equal(waiting.status, 'STORING');
  assert.deepEqual(await ready(), { database: true, images: false, workers: true });

  await s3.start();
  const [image] = (await waitForTask(token, id, hasSucceeded)).images;
  assert.equal(sha256(await open(image.url)), image.sha256);
  assert.deepEqual(await ready(), { database: true, images: true, workers: true });
});
