import assert from 'node:assert/strict';

const generateImages = /* GraphQL */ `
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

const taskEvents = /* GraphQL */ `
  subscription ($after: String) {
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

/** Asks for an image and returns the id of the task. */
export async function generate(gateway, token, prompt) {
  const { generateImages: result } = await gateway.graphql(token, generateImages, { input: { prompt } });
  assert.equal(result.__typename, 'TaskAccepted', result.message);
  return result.task.id;
}

/** Subscribes at once; yields the events in order. */
export function subscribe(client, after = null) {
  const results = client.iterate({ query: taskEvents, variables: { after } });
  return (async function* () {
    for await (const { data, errors } of results) {
      assert.equal(errors, undefined, JSON.stringify(errors));
      yield data.taskEvents;
    }
  })();
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

function isFinal(status) {
  return ['SUCCEEDED', 'FAILED', 'CANCELED'].includes(status);
}

export async function assertImageOpens(image) {
  const response = await fetch(image.url);
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('content-type'), image.contentType);
  const bytes = Buffer.from(await response.arrayBuffer());
  const magic = { 'image/png': '89504e470d0a1a0a', 'image/jpeg': 'ffd8ff' }[image.contentType];
  assert.ok(magic, `${image.contentType} is neither PNG nor JPEG`);
  assert.equal(bytes.toString('hex', 0, magic.length / 2), magic);
  assert.equal(bytes.length, image.byteSize);
  assert.ok(image.width > 0 && image.height > 0);
}
