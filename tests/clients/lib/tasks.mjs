import assert from 'node:assert/strict';

export const generateImages = /* GraphQL */ `
  mutation Generate($input: GenerateImagesInput!) {
    generateImages(input: $input) {
      __typename
      ... on TaskAccepted {
        task {
          id
        }
      }
      ... on UserError {
        message
      }
    }
  }
`;

export const taskEvents = /* GraphQL */ `
  subscription TaskEvents($after: String) {
    taskEvents(after: $after) {
      cursor
      status
      task {
        id
        images {
          url
          width
          height
          contentType
          byteSize
        }
      }
    }
  }
`;

export const successStatuses = ['QUEUED', 'GENERATING', 'STORING', 'SUCCEEDED'];

/** Submits a task and returns its id. */
export async function generate(gateway, token, prompt) {
  return acceptedTaskId(await gateway.graphql(token, generateImages, { input: { prompt } }));
}

/** Returns the id of the accepted task from the result of the mutation. */
export function acceptedTaskId({ generateImages: result }) {
  assert.equal(result.__typename, 'TaskAccepted', result.message);
  return result.task.id;
}

/** Returns the events of one task, up to and including the given status. */
export async function eventsUntil(events, taskId, status) {
  const seen = [];
  while (seen.at(-1)?.status !== status) {
    const { value: event, done } = await events.next();
    assert.ok(!done, `the subscription ended before ${status}`);
    if (event.task.id !== taskId) continue;
    seen.push(event);
    assert.ok(event.status === status || !isFinal(event.status), `the task finished with ${event.status}`);
  }
  return seen;
}

/** Waits until a subscription delivers the events of a new task, and returns the last cursor. */
export async function cursorOfActiveSubscription(events, gateway, token) {
  // The protocol has no acknowledgement of a subscription, so the first event serves as one.
  const earlier = await generate(gateway, token, 'a plantain that goes first');
  return (await eventsUntil(events, earlier, 'SUCCEEDED')).at(-1).cursor;
}

export const statuses = (events) => events.map(({ status }) => status);
export const cursors = (events) => events.map(({ cursor }) => cursor);

function isFinal(status) {
  return ['SUCCEEDED', 'FAILED', 'CANCELED'].includes(status);
}

export async function assertImageOpens(image) {
  const response = await fetch(image.url);
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('content-type'), image.contentType);
  const bytes = Buffer.from(await response.arrayBuffer());
  assertImage(bytes, image.contentType);
  assert.equal(bytes.length, image.byteSize);
  assert.ok(image.width > 0 && image.height > 0);
}

const signatures = { 'image/png': '89504e470d0a1a0a', 'image/jpeg': 'ffd8ff' };

/** Fails unless the bytes start with the signature of this image type, or of PNG or JPEG when none is given. */
export function assertImage(bytes, contentType) {
  const allowed = contentType ? [signatures[contentType]] : Object.values(signatures);
  assert.ok(allowed[0], `${contentType} is neither PNG nor JPEG`);
  const start = bytes.toString('hex', 0, 8);
  assert.ok(
    allowed.some((signature) => start.startsWith(signature)),
    `${start} is not the signature of an image`,
  );
}
