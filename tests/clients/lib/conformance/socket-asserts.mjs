import assert from 'node:assert/strict';

/** Asserts how a socket ended; what a close frame can hold is 123 bytes. */
export async function assertClosed(socket, code, reason) {
  const closed = await socket.closed();
  assert.equal(closed.code, code, `it was closed with ${closed.code} ${closed.reason}`);
  assert.ok(closed.bytes <= 123, `the reason has ${closed.bytes} bytes`);
  if (reason) assert.match(closed.reason, reason);
}

/** Everything that is said about an operation, up to its end. */
export async function answers(socket, id) {
  const seen = [];
  while (!['complete', 'error'].includes(seen.at(-1)?.type)) {
    seen.push(await socket.take((message) => message.id === id, `answer to ${id}`));
  }
  return seen;
}

/** Asserts that an operation is answered with errors and nothing else, and returns them. */
export async function assertRefused(socket, payload) {
  socket.send({ type: 'subscribe', id: 'refused', payload });
  const [error, ...others] = await answers(socket, 'refused');
  assert.equal(error.type, 'error', `instead of an error came ${JSON.stringify(error)}`);
  assert.deepEqual(others, []);
  assert.ok(Array.isArray(error.payload) && error.payload.length > 0, 'the payload is no list of errors');
  for (const { message } of error.payload) assert.equal(typeof message, 'string');
  await socket.heardOut();
  assert.deepEqual(socket.heardAbout('refused'), []);
  return error.payload;
}
