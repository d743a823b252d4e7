import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ErrorCode } from '@modelcontextprotocol/sdk/types.js';
import { binary, startGateway } from './lib/gateway.mjs';
import { temporaryFolder } from './lib/program.mjs';
import { assertImage, successStatuses } from './lib/tasks.mjs';

const limit = { timeout: 120_000 };
const quota = 60;

let gateway;
before(async () => {
  // The folder is removed after the last test of this file.
  const folder = await temporaryFolder({ after });
  const blocked = join(folder, 'blocked.txt');
  await writeFile(blocked, 'unspeakable\n');
  gateway = await startGateway({ PLANTAIN_USER_QUOTA: quota, PLANTAIN_BLOCKED_TERMS: blocked });
}, limit);
after(() => gateway?.stop(), limit);

const transports = {
  HTTP: (token, url) =>
    new StreamableHTTPClientTransport(new URL('/mcp', url), {
      requestInit: { headers: { authorization: `Bearer ${token}` } },
    }),
  stdio: (token, url) =>
    new StdioClientTransport({
      command: binary,
      args: ['mcp'],
      env: { PLANTAIN_URL: url, PLANTAIN_TOKEN: token },
    }),
};

/** Connects as this user. `call` is a tool call that must succeed; `callFailing` must fail and returns the result. */
async function connect(t, sub, transport = 'HTTP', to = gateway) {
  const client = new Client({ name: 'plantain-tests', version: '1.0.0' });
  await client.connect(transports[transport](await to.token(sub), to.url));
  t.after(() => client.close());
  // The client checks output schemas only for tools that it has listed.
  const { tools } = await client.listTools();
  const callTool = (name, args, options) => client.callTool({ name, arguments: args }, undefined, options);
  const call = async (name, args = {}, options = {}) => {
    const result = await callTool(name, args, options);
    assert.equal(result.isError, false, text(result));
    return result;
  };
  const callFailing = async (name, args) => {
    const result = await callTool(name, args);
    assert.equal(result.isError, true, text(result));
    return result;
  };
  return { client, tools, call, callFailing };
}

const text = (result) => result.content.filter(({ type }) => type === 'text').map((each) => each.text).join('\n');
const assertUnfinished = ({ structuredContent: { status } }) =>
  assert.ok(['QUEUED', 'GENERATING', 'STORING'].includes(status), status);
const pictures = (result) => result.content.filter(({ type }) => type === 'image');

for (const transport of Object.keys(transports)) {
  test(`over ${transport} a client generates an image and receives progress for each status`, limit, async (t) => {
    const { tools, call } = await connect(t, `painter-${transport}`, transport);
    const names = tools.map(({ name }) => name).sort();
    const expected = ['edit_image', 'generate_image', 'get_credits', 'get_task', 'list_models', 'list_tasks'];
    assert.deepEqual(names, [...expected, 'wait_for_task']);

    const steps = [];
    const onprogress = (step) => steps.push(step);
    const made = await call('generate_image', { prompt: 'a plantain at the window' }, { onprogress });

    assert.deepEqual(steps.map(({ message }) => message.split(';')[0]), successStatuses);
    assert.deepEqual(steps.map(({ progress }) => progress), [1, 2, 3, 4]);
    const task = made.structuredContent;
    assert.equal(task.status, 'SUCCEEDED');
    assert.ok(text(made).includes(task.images[0].url));
    const full = await fetch(task.images[0].url);
    assertImage(Buffer.from(await full.arrayBuffer()), full.headers.get('content-type'));
    const [picture] = pictures(made);
    const bytes = Buffer.from(picture.data, 'base64');
    assertImage(bytes, picture.mimeType);
    assert.ok(Math.max(...sizeOf(bytes)) <= 256);
    assert.ok(task.images[0].width > 256);
  });

  test(`over ${transport} a repeated call is charged once, and a variation makes another image`, limit, async (t) => {
    const { call } = await connect(t, `saver-${transport}`, transport);
    const spent = async () => (await call('get_credits')).structuredContent.quota.spent;
    const args = { prompt: 'a plantain in the rain', model: 'nano-banana' };
    const first = await call('generate_image', args);
    const price = await spent();

    const again = await call('generate_image', { ...args, wait_seconds: 10 });
    assert.equal(again.structuredContent.id, first.structuredContent.id);
    assert.equal(await spent(), price);

    const other = await call('generate_image', { ...args, variation: '2' });
    assert.notEqual(other.structuredContent.id, first.structuredContent.id);
    assert.equal(await spent(), 2 * price);
    const { tasks } = (await call('list_tasks')).structuredContent;
    assert.deepEqual(tasks.map(({ id }) => id), [other.structuredContent.id, first.structuredContent.id]);
  });
}

test('concurrent calls with the same arguments create one task', limit, async (t) => {
  const { call } = await connect(t, 'hasty');
  const args = { prompt: 'a plantain, twice', wait_seconds: 0 };
  const both = await Promise.all([call('generate_image', args), call('generate_image', args)]);
  assert.equal(both[0].structuredContent.id, both[1].structuredContent.id);
});

test('a call that times out returns the unfinished task, and wait_for_task returns the image', limit, async (t) => {
  const { call } = await connect(t, 'patient');
  const args = { prompt: 'a slow plantain [sim:slow=4]', wait_seconds: 1 };
  const started = await call('generate_image', args);
  const { id } = started.structuredContent;
  assertUnfinished(started);
  assertUnfinished(await call('wait_for_task', { id, wait_seconds: 0 }));

  const done = await call('wait_for_task', { id });
  assert.equal(done.structuredContent.status, 'SUCCEEDED');
  assert.equal(pictures(await call('get_task', { id })).length, 1);
});

test('edit_image accepts an image by its URL', limit, async (t) => {
  const { call } = await connect(t, 'editor');
  const made = await call('generate_image', { prompt: 'a plantain by day' });
  const images = [made.structuredContent.images[0].url];
  const edited = await call('edit_image', { prompt: 'make it night', images });
  assert.equal(edited.structuredContent.kind, 'EDIT');
  assert.equal(pictures(edited).length, 1);
});

test('rejected calls create no task and name the argument or the amounts', limit, async (t) => {
  const { call, callFailing } = await connect(t, 'rejected');
  const rejection = async (args) => text(await callFailing('generate_image', args));
  await rejection({ prompt: 'an unspeakable plantain' });
  const expensive = await rejection({ prompt: 'four of them', model: 'nano-banana-pro', count: 4 });
  assert.match(expensive, new RegExp(`\\b72\\b.*\\b${quota}\\b`));
  assert.match(await rejection({ prompt: 'cheap', max_credits: 1 }), /\bmax_credits\b/);
  assert.match(await rejection({ prompt: 'wide', aspect_ratio: '7:1' }), /^- aspect_ratio: /m);
  assert.deepEqual((await call('list_tasks')).structuredContent.tasks, []);
});

test('invalid arguments are rejected by name', limit, async (t) => {
  const { client, callFailing } = await connect(t, 'confused');
  const rejection = async (name, args) => text(await callFailing(name, args));
  assert.match(await rejection('generate_image', { prompt: 'x', ratio: '1:1' }), /`ratio`/);
  assert.match(await rejection('generate_image', { prompt: 'x', count: 'two' }), /`count`/);
  assert.match(await rejection('generate_image', {}), /`prompt`/);
  assert.match(await rejection('wait_for_task', { id: 'x', wait_seconds: 60 }), /^- wait_seconds: /m);
  assert.match(await rejection('edit_image', { prompt: 'x', images: ['nowhere'] }), /^- images\[0\]: /m);
  const unknownTool = client.callTool({ name: 'delete_everything', arguments: {} });
  await assert.rejects(unknownTool, { code: ErrorCode.InvalidParams });
});

test('a failed task has a code and retryable, and a repeated call retries a retryable failure', limit, async (t) => {
  const { call, callFailing } = await connect(t, 'unlucky');
  const listed = async () => (await call('list_tasks')).structuredContent.tasks;
  const failureOf = ({ structuredContent: { failure } }) => [failure.code, failure.retryable];
  const blocked = await callFailing('generate_image', { prompt: 'a plantain [sim:policy]' });
  assert.deepEqual(failureOf(blocked), ['CONTENT_REJECTED', false]);
  const args = { prompt: 'a plantain [sim:fail=501]' };
  assert.deepEqual(failureOf(await callFailing('generate_image', args)), ['GENERATION_FAILED', true]);
  await callFailing('generate_image', args);

  const tasks = await listed();
  assert.deepEqual(tasks.map(({ failure }) => failure.code), [
    'GENERATION_FAILED',
    'GENERATION_FAILED',
    'CONTENT_REJECTED',
  ]);
  // get_task itself succeeds for a failed task.
  assert.equal((await call('get_task', { id: tasks[0].id })).structuredContent.status, 'FAILED');
  assert.equal((await call('get_credits')).structuredContent.quota.available, quota);
});

test('a user cannot find the tasks of other users', limit, async (t) => {
  const ana = await connect(t, 'ana');
  const eve = await connect(t, 'eve');
  const { id } = (await ana.call('generate_image', { prompt: 'my plantain', wait_seconds: 0 })).structuredContent;
  for (const tool of ['get_task', 'wait_for_task']) {
    const unknown = { id: id.replace(/.$/, '0') };
    assert.equal(text(await eve.callFailing(tool, { id })), text(await eve.callFailing(tool, unknown)));
  }
  assert.deepEqual((await eve.call('list_tasks')).structuredContent, { tasks: [], next: null });
});

test('list_tasks returns pages', limit, async (t) => {
  const { call } = await connect(t, 'busy');
  for (const prompt of ['one', 'two', 'three']) await call('generate_image', { prompt, wait_seconds: 0 });
  const page = async (args) => (await call('list_tasks', args)).structuredContent;
  const prompts = ({ tasks }) => tasks.map(({ prompt }) => prompt);
  const first = await page({ limit: 2 });
  assert.deepEqual(prompts(first), ['three', 'two']);
  const second = await page({ limit: 2, after: first.next });
  assert.deepEqual(prompts(second), ['one']);
  assert.equal(second.next, null);
});

test('without a valid token the response is 401 and names the resource metadata', limit, async () => {
  const post = (headers) => fetch(`${gateway.url}/mcp`, { method: 'POST', headers, body: '{}' });
  const metadataUrl = `${gateway.url}/.well-known/oauth-protected-resource/mcp`;
  const without = await post({});
  assert.equal(without.status, 401);
  assert.equal(without.headers.get('content-type'), 'application/problem+json');
  assert.equal(without.headers.get('www-authenticate'), `Bearer resource_metadata="${metadataUrl}"`);
  const wrong = await post({ authorization: 'Bearer nonsense' });
  assert.equal(wrong.status, 401);
  assert.match(wrong.headers.get('www-authenticate'), /resource_metadata=".*", error="invalid_token", error_desc/);

  for (const url of [metadataUrl, `${gateway.url}/.well-known/oauth-protected-resource`]) {
    assert.deepEqual(await (await fetch(url)).json(), {
      resource: `${gateway.url}/mcp`,
      bearer_methods_supported: ['header'],
      resource_name: 'Plantain',
    });
  }
});

test('the server is stateless and accepts any host name', limit, async () => {
  for (const method of ['GET', 'DELETE']) {
    const response = await fetch(`${gateway.url}/mcp`, { method });
    assert.equal(response.status, 405);
    assert.equal(response.headers.get('allow'), 'POST');
  }
  const headers = {
    host: 'plantain.example',
    origin: 'https://assistant.example',
    authorization: `Bearer ${await gateway.token('ana')}`,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
  };
  const list = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list', params: {} });
  const answer = await send('POST', headers, list);
  assert.equal(answer.status, 200);
  assert.equal(JSON.parse(answer.body).result.tools.length, 7);
  assert.equal(answer.headers['mcp-session-id'], undefined);
  assert.equal((await send('POST', { ...headers, accept: 'text/plain' }, list)).status, 406);
  assert.equal((await send('POST', headers, ' '.repeat(2_000_000))).status, 413);
});

test('protocol version 2026-07-28 works without a handshake', limit, async () => {
  const version = '2026-07-28';
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': version,
    'io.modelcontextprotocol/clientInfo': { name: 'plantain-tests', version: '1.0.0' },
    'io.modelcontextprotocol/clientCapabilities': {},
  };
  const params = { name: 'get_credits', arguments: {}, _meta };
  const headers = {
    authorization: `Bearer ${await gateway.token('modern')}`,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'mcp-protocol-version': version,
    'mcp-method': 'tools/call',
    'mcp-name': 'get_credits',
  };
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params });
  const answer = await send('POST', headers, body);
  assert.equal(answer.status, 200, answer.body);
  assert.equal(JSON.parse(answer.body).result.structuredContent.quota.available, quota);
});

test('a gateway that shuts down answers waiting calls', limit, async (t) => {
  const stopping = await startGateway();
  t.after(() => stopping.stop());
  const { call } = await connect(t, 'late', 'HTTP', stopping);
  const args = { prompt: 'a slow plantain [sim:slow=60]' };
  let waiting;
  await new Promise((onprogress) => (waiting = call('generate_image', args, { onprogress })));
  await stopping.stop();

  assertUnfinished(await waiting);
});

test('over stdio an invalid token or an unreachable gateway exits with status 1 and names the setting', limit, async () => {
  const wrongToken = await runMcp({ PLANTAIN_URL: gateway.url, PLANTAIN_TOKEN: 'nonsense' });
  assert.equal(wrongToken.status, 1);
  assert.match(wrongToken.stderr, /PLANTAIN_TOKEN/);
  const unreachable = await runMcp({ PLANTAIN_URL: 'http://127.0.0.1:1', PLANTAIN_TOKEN: 'nonsense' });
  assert.equal(unreachable.status, 1);
  assert.match(unreachable.stderr, /PLANTAIN_URL/);
  assert.equal(wrongToken.stdout + unreachable.stdout, '');
});

async function runMcp(env) {
  const child = spawn(binary, ['mcp'], { env });
  const [stdout, stderr] = [child.stdout, child.stderr].map((stream) => stream.setEncoding('utf8').toArray());
  const [status] = await once(child, 'close');
  return { status, stdout: (await stdout).join(''), stderr: (await stderr).join('') };
}

/** Sends a request without `fetch`, which does not allow a custom `host` header. */
async function send(method, headers, body) {
  const sent = request(`${gateway.url}/mcp`, { method, headers });
  sent.end(body);
  const [response] = await once(sent, 'response');
  const chunks = await response.setEncoding('utf8').toArray();
  return { status: response.statusCode, headers: response.headers, body: chunks.join('') };
}

/** Returns width and height of a JPEG or PNG. */
function sizeOf(bytes) {
  if (bytes.readUInt16BE(0) !== 0xffd8) return [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
  let at = 2;
  const isFrame = (marker) => marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
  while (!isFrame(bytes[at + 1])) at += 2 + bytes.readUInt16BE(at + 2);
  return [bytes.readUInt16BE(at + 7), bytes.readUInt16BE(at + 5)];
}

test('a tool call with arguments that are no object is answered with invalid params and its id', limit, async () => {
  const response = await fetch(`${gateway.url}/mcp`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${await gateway.token('ana')}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 7, method: 'tools/call', params: { name: 'list_models', arguments: [] } }),
  });
  const { id, error } = await response.json();
  assert.deepEqual([response.status, id, error.code], [200, 7, ErrorCode.InvalidParams]);
});
