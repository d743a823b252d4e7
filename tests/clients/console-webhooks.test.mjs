import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { limit, useConsole } from './console/console.mjs';
import { submitTask } from './console/create-page.mjs';

const console = useConsole({ PLANTAIN_SIMULATOR_DELAY_MS: '200' });

/** Starts a webhook receiver that stores its messages. */
async function startReceiver(t) {
  const messages = [];
  const server = createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray()).toString();
    messages.push({ headers: request.headers, body });
    // A different status per response, so that the test can tell the deliveries apart.
    response.writeHead(200 + messages.length).end();
    server.emit('message');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return {
    url: `http://127.0.0.1:${server.address().port}/hook`,
    messages,
    async received(count) {
      while (messages.length < count) await once(server, 'message');
    },
  };
}

const endpoint = (page, url) => page.getByRole('listitem', { name: url });
const secret = (page) => page.getByLabel('Secret', { exact: true });

async function addEndpoint(page, url) {
  await page.getByLabel('Endpoint URL').fill(url);
  await page.getByRole('button', { name: 'Add endpoint' }).click();
  await endpoint(page, url).waitFor();
}

test('an endpoint receives a delivery, which is shown and can be resent', limit, async (t) => {
  const user = await console.newUser();
  const receiver = await startReceiver(t);
  const page = await console.open(t, user, '/#/webhooks');
  await addEndpoint(page, receiver.url);
  const webhook = new Webhook(await secret(page).inputValue());
  const id = await submitTask(user, 'a red balloon');
  await receiver.received(1);
  const [{ headers, body }] = receiver.messages;
  assert.equal(webhook.verify(body, headers).data.id, id);

  const card = endpoint(page, receiver.url);
  await card.locator('summary').click();
  const delivery = card.getByRole('list', { name: /^Deliveries/ }).getByRole('listitem').filter({ hasText: 'a red balloon' });
  await delivery.getByText('Delivered', { exact: true }).waitFor();
  await delivery.getByText('HTTP status 201').waitFor();
  await delivery.getByRole('button', { name: 'Resend' }).click();
  await receiver.received(2);
  await delivery.getByText('HTTP status 202').waitFor();
});

test('the secret of an endpoint is shown once', limit, async (t) => {
  const page = await console.open(t, await console.newUser(), '/#/webhooks');
  const url = 'http://127.0.0.1:9/hook';
  await addEndpoint(page, url);
  assert.match(await secret(page).inputValue(), /^whsec_/);
  const first = await secret(page).inputValue();
  await page.reload();
  await endpoint(page, url).waitFor();
  assert.equal(await secret(page).count(), 0);
  assert.ok(!(await page.content()).includes(first));

  await page.getByRole('button', { name: `Rotate secret of ${url}` }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Rotate' }).click();
  await secret(page).waitFor();
  assert.notEqual(await secret(page).inputValue(), first);
});

test('an invalid address is rejected beside its field', limit, async (t) => {
  const page = await console.open(t, await console.newUser(), '/#/webhooks');
  await page.getByLabel('Endpoint URL').fill('ftp://example.com');
  await page.getByRole('button', { name: 'Add endpoint' }).click();

  await page.getByRole('textbox', { name: 'Endpoint URL', description: /http/ }).and(page.locator('[aria-invalid]')).waitFor();
});

test('an endpoint is deleted after confirmation', limit, async (t) => {
  const page = await console.open(t, await console.newUser(), '/#/webhooks');
  const url = 'http://127.0.0.1:9/hook';
  await addEndpoint(page, url);
  await page.getByRole('button', { name: `Delete ${url}` }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();

  await endpoint(page, url).waitFor({ state: 'detached' });
  await page.getByRole('heading', { name: 'Add your first endpoint' }).waitFor();
});
