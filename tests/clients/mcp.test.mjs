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
import { binary, startGateway } from './lib/gateway.mjs';
import { temporaryFolder } from './lib/program.mjs';
import { assertImage, wholeLife } from './lib/tasks.mjs';

const limit = { timeout: 120_000 };
const quota = 60;

let gateway;
before(async () => {
  // Removed when this file ends.
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

/** A client of this user; `call` is a tool call that must succeed, `refused` one that must not. */
async function connect(t, sub, transport = 'HTTP', to = gateway) {
  const client = new Client({ name: 'plantain-tests', version: '1.0.0' });
  await client.connect(transports[transport](await to.token(sub), to.url));
  t.after(() => client.close());
  // Output schemas are checked for tools that were listed.
  const { tools } = await client.listTools();
  const callTool = (name, args, options) => client.callTool({ name, arguments: args }, undefined, options);
  const call = async (name, args = {}, options = {}) => {
    const result = await callTool(name, args, options);
    assert.equal(result.isError, false, text(result));
    return result;
  };
  const refused = async (name, args) => {
    const result = await callTool(name, args);
    assert.equal(result.isError, true, text(result));
    return text(result);
  };
  return { client, tools, call, refused };
}

const text = (result) => result.content.filter(({ type }) => type === 'text').map((each) => each.text).join('\n');
const pictures = (result) => result.content.filter(({ type }) => type === 'image');

for (const transport of Object.keys(transports)) {
  test(`over ${transport} an assistant makes a picture and hears of each step`, limit, async (t) => {
    const { tools, call } = await connect(t, `painter-${transport}`, transport);
    const names = tools.map(({ name }) => name).sort();
    const expected = ['edit_image', 'generate_image', 'get_credits', 'get_task', 'list_models', 'list_tasks'];
    assert.deepEqual(names, [...expected, 'wait_for_task']);

    const steps = [];
    const onprogress = (step) => steps.push(step);
    const made = await call('generate_image', { prompt: 'a plantain at the window' }, { onprogress });

    assert.deepEqual(steps.map(({ message }) => message.split(';')[0]), wholeLife);
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

  test(`over ${transport} a repeated call pays once, and a variation is another picture`, limit, async (t) => {
    const { call } = await connect(t, `saver-${transport}`, transport);
    const spent = async () => (await call('get_credits')).structuredContent.allowance.spent;
    const order = { prompt: 'a plantain in the rain', model: 'nano-banana' };
    const first = await call('generate_image', order);
    const price = await spent();

    const again = await call('generate_image', { ...order, wait_seconds: 10 });
    assert.equal(again.structuredContent.id, first.structuredContent.id);
    assert.match(text(again), /nothing was paid again/);
    assert.equal(await spent(), price);

    const other = await call('generate_image', { ...order, variation: '2' });
    assert.notEqual(other.structuredContent.id, first.structuredContent.id);
    assert.equal(await spent(), 2 * price);
    const { tasks } = (await call('list_tasks')).structuredContent;
    assert.deepEqual(tasks.map(({ id }) => id), [other.structuredContent.id, first.structuredContent.id]);
  });
}

test('calls at the same time with the same arguments make one task', limit, async (t) => {
  const { call } = await connect(t, 'hasty');
  const order = { prompt: 'a plantain, twice', wait_seconds: 0 };
  const both = await Promise.all([call('generate_image', order), call('generate_image', order)]);
  assert.equal(both[0].structuredContent.id, both[1].structuredContent.id);
});

test('who waits in vain is told to call again, and then gets the picture', limit, async (t) => {
  const { call } = await connect(t, 'patient');
  const order = { prompt: 'a slow plantain [sim:slow=4]', wait_seconds: 1 };
  const started = await call('generate_image', order);
  const { id } = started.structuredContent;
  assert.match(text(started), /still running.*Call wait_for_task with this id/);
  assert.match(text(await call('wait_for_task', { id, wait_seconds: 0 })), /Call wait_for_task/);

  const done = await call('wait_for_task', { id });
  assert.equal(done.structuredContent.status, 'SUCCEEDED');
  assert.equal(pictures(await call('get_task', { id })).length, 1);
});

test('an edit takes a picture by its link', limit, async (t) => {
  const { call } = await connect(t, 'editor');
  const made = await call('generate_image', { prompt: 'a plantain by day' });
  const images = [made.structuredContent.images[0].url];
  const edited = await call('edit_image', { prompt: 'make it night', images });
  assert.equal(edited.structuredContent.kind, 'EDIT');
  assert.equal(pictures(edited).length, 1);
});

test('refusals say what to tell the person', limit, async (t) => {
  const { refused } = await connect(t, 'refused');
  assert.match(await refused('generate_image', { prompt: 'an unspeakable plantain' }), /Ask the person to rephrase/);
  assert.match(
    await refused('generate_image', { prompt: 'four of them', model: 'nano-banana-pro', count: 4 }),
    new RegExp(`Out of credits: this costs 72, and the person has ${quota} left`),
  );
  assert.match(await refused('generate_image', { prompt: 'cheap', max_credits: 1 }), /max_credits allows 1/);
  assert.match(
    await refused('generate_image', { prompt: 'wide', aspect_ratio: '7:1' }),
    /- aspect_ratio: aspect_ratio is `7:1`/,
  );
});

test('arguments that do not fit are named, and nothing breaks', limit, async (t) => {
  const { client, refused } = await connect(t, 'confused');
  assert.match(await refused('generate_image', { prompt: 'x', ratio: '1:1' }), /no argument `ratio`.*takes.*prompt/);
  assert.match(await refused('generate_image', { prompt: 'x', count: 'two' }), /`count` is "two".*integer/);
  assert.match(await refused('generate_image', {}), /missing field `prompt`/);
  assert.match(await refused('wait_for_task', { id: 'x', wait_seconds: 60 }), /it must be 0 to 50/);
  assert.match(await refused('edit_image', { prompt: 'x', images: ['nowhere'] }), /- images\[0\]: This is no link/);
  await assert.rejects(client.callTool({ name: 'delete_everything', arguments: {} }), /no tool/);
});

test('a failure says why and whether to try again, and a repeated call tries anew', limit, async (t) => {
  const { call, refused } = await connect(t, 'unlucky');
  const listed = async () => (await call('list_tasks')).structuredContent.tasks;
  assert.match(
    await refused('generate_image', { prompt: 'a plantain [sim:policy]' }),
    /gives this answer again; .* Tell the person: Rephrase the prompt/,
  );
  const order = { prompt: 'a plantain [sim:fail=501]' };
  assert.match(await refused('generate_image', order), /tries anew/);
  await refused('generate_image', order);

  const tasks = await listed();
  assert.deepEqual(tasks.map(({ failure }) => failure.code), [
    'GENERATION_FAILED',
    'GENERATION_FAILED',
    'CONTENT_REJECTED',
  ]);
  // Looking at a failure is no failure.
  assert.match(text(await call('get_task', { id: tasks[0].id })), /FAILED/);
  assert.equal((await call('get_credits')).structuredContent.allowance.available, quota);
});

test('nobody finds the tasks of somebody else', limit, async (t) => {
  const ana = await connect(t, 'ana');
  const eve = await connect(t, 'eve');
  const { id } = (await ana.call('generate_image', { prompt: 'my plantain', wait_seconds: 0 })).structuredContent;
  for (const tool of ['get_task', 'wait_for_task']) {
    assert.equal(await eve.refused(tool, { id }), await eve.refused(tool, { id: id.replace(/.$/, '0') }));
  }
  assert.deepEqual((await eve.call('list_tasks')).structuredContent, { tasks: [], next: null });
});

test('a page of tasks leads to the next', limit, async (t) => {
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

test('without a good token the answer is 401 and says where to learn more', limit, async () => {
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

test('the server keeps no session, and answers under any host name', limit, async () => {
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

test('the protocol of 2026-07-28 is served without a handshake', limit, async () => {
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
  assert.equal(JSON.parse(answer.body).result.structuredContent.allowance.available, quota);
});

test('a gateway that stops ends the waiting in order', limit, async (t) => {
  const stopping = await startGateway();
  t.after(() => stopping.stop());
  const { call } = await connect(t, 'late', 'HTTP', stopping);
  const order = { prompt: 'a slow plantain [sim:slow=60]' };
  let waiting;
  await new Promise((onprogress) => (waiting = call('generate_image', order, { onprogress })));
  await stopping.stop();

  assert.match(text(await waiting), /still running.*Call wait_for_task/);
});

test('over stdio a wrong token or address ends the program with the reason', limit, async () => {
  const wrongToken = await endOf({ PLANTAIN_URL: gateway.url, PLANTAIN_TOKEN: 'nonsense' });
  assert.equal(wrongToken.status, 1);
  assert.match(wrongToken.complaint, /refuses the token/);
  const nobody = await endOf({ PLANTAIN_URL: 'http://127.0.0.1:1', PLANTAIN_TOKEN: 'nonsense' });
  assert.equal(nobody.status, 1);
  assert.match(nobody.complaint, /cannot be reached/);
  assert.equal(wrongToken.output + nobody.output, '');
});

async function endOf(env) {
  const child = spawn(binary, ['mcp'], { env });
  const [output, complaint] = [child.stdout, child.stderr].map((stream) => stream.setEncoding('utf8').toArray());
  const [status] = await once(child, 'close');
  return { status, output: (await output).join(''), complaint: (await complaint).join('') };
}

/** `fetch` sets the header `host` itself. */
async function send(method, headers, body) {
  const question = request(`${gateway.url}/mcp`, { method, headers });
  question.end(body);
  const [answer] = await once(question, 'response');
  const chunks = await answer.setEncoding('utf8').toArray();
  return { status: answer.statusCode, headers: answer.headers, body: chunks.join('') };
}

/** Width and height of a JPEG or PNG. */
function sizeOf(bytes) {
  if (bytes.readUInt16BE(0) !== 0xffd8) return [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
  let at = 2;
  const isFrame = (marker) => marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
  while (!isFrame(bytes[at + 1])) at += 2 + bytes.readUInt16BE(at + 2);
  return [bytes.readUInt16BE(at + 7), bytes.readUInt16BE(at + 5)];
}
