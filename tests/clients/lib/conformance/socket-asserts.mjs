import assert from 'node:assert/strict';

/** Asserts the close code and reason of a socket. A close frame has at most 123 bytes for the reason. */
export async function assertClosed(socket, code, reason) {
  const closed = await socket.closed();
  assert.equal(closed.code, code, `the socket was closed with ${closed.code} ${closed.reason}`);
  assert.ok(closed.bytes <= 123, `the reason has ${closed.bytes} bytes`);
  if (reason) assert.match(closed.reason, reason);
}

/** Returns the messages of an operation, up to `complete` or `error`. */
export async function operationMessages(socket, id) {
  const seen = [];
  while (!['complete', 'error'].includes(seen.at(-1)?.type)) {
    seen.push(await socket.take((message) => message.id === id, `message of operation ${id}`));
  }
  return seen;
}

/** Asserts that an operation gets one `error` message and nothing else, and returns the errors. */
export async function assertRejected(socket, payload) {
  socket.send({ type: 'subscribe', id: 'rejected', payload });
  const [error, ...others] = await operationMessages(socket, 'rejected');
  assert.equal(error.type, 'error', `expected an error, received ${JSON.stringify(error)}`);
  assert.deepEqual(others, []);
  assert.ok(Array.isArray(error.payload) && error.payload.length > 0, 'the payload is not a list of errors');
  for (const { message } of error.payload) assert.equal(typeof message, 'string');
  await socket.drain();
  assert.deepEqual(socket.messagesOf('rejected'), []);
  return error.payload;
}
