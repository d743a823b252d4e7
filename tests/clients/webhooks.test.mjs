import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { startGateway } from './lib/gateway.mjs';
import { generate } from './lib/tasks.mjs';

const limit = { timeout: 120_000 };

const createEndpoint = /* GraphQL */ `
  mutation CreateEndpoint($url: URI!) {
    createWebhookEndpoint(url: $url) {
      __typename
      ... on WebhookEndpointChanged {
        endpoint {
          id
          secret
        }
      }
      ... on UserError {
        message
      }
    }
  }
`;

let gateway, token, server;
const messages = [];

before(async () => {
  gateway = await startGateway();
  token = await gateway.token('ana');
  server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    messages.push({ headers: request.headers, body });
    server.emit('message');
    response.writeHead(204).end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
}, limit);

after(async () => {
  server?.close();
  await gateway?.stop();
}, limit);

test('the standardwebhooks package verifies the deliveries of the gateway, and rejects a changed body', limit, async () => {
  const url = `http://127.0.0.1:${server.address().port}/hook`;
  const { createWebhookEndpoint: result } = await gateway.graphql(token, createEndpoint, { url });
  assert.equal(result.__typename, 'WebhookEndpointChanged', result.message);
  const webhook = new Webhook(result.endpoint.secret);

  const delivered = once(server, 'message');
  const id = await generate(gateway, token, 'a ripe plantain on a wooden table');
  await delivered;
  const [{ headers, body }] = messages;

  const { type, data } = webhook.verify(body, headers);
  assert.equal(type, 'task.succeeded');
  assert.equal(data.id, id);
  assert.equal((await fetch(data.images[0].url)).status, 200);
  assert.throws(() => webhook.verify(`${body} `, headers), { name: 'WebhookVerificationError' });
});
