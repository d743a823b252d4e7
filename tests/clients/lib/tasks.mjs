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

export const wholeLife = ['QUEUED', 'GENERATING', 'STORING', 'SUCCEEDED'];

/** Asks for an image and returns the id of the task. */
export async function generate(gateway, token, prompt) {
  return acceptedId(await gateway.graphql(token, generateImages, { input: { prompt } }));
}

/** The id of the task in what the mutation answered. */
export function acceptedId({ generateImages: result }) {
  assert.equal(result.__typename, 'TaskAccepted', result.message);
  return result.task.id;
}

/** The events of one task, up to and with the given status. */
export async function eventsUntil(events, taskId, status) {
  const seen = [];
  while (seen.at(-1)?.status !== status) {
    const { value: event, done } = await events.next();
    assert.ok(!done, 'the subscription ended too early');
    if (event.task.id !== taskId) continue;
    seen.push(event);
    assert.ok(event.status === status || !isFinal(event.status), `the task ended as ${event.status}`);
  }
  return seen;
}

/** The cursor of the last event of a task that went first. */
export async function cursorOfLive(events, gateway, token) {
  // Nothing in the protocol acknowledges a subscription; an event does.
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

const magics = { 'image/png': '89504e470d0a1a0a', 'image/jpeg': 'ffd8ff' };

/** Fails unless the bytes begin as an image does: of the given type, or of any. */
export function assertImage(bytes, contentType) {
  const allowed = contentType ? [magics[contentType]] : Object.values(magics);
  assert.ok(allowed[0], `${contentType} is neither PNG nor JPEG`);
  const start = bytes.toString('hex', 0, 8);
  assert.ok(
    allowed.some((magic) => start.startsWith(magic)),
    `no image begins with ${start}`,
  );
}
