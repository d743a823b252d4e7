import { Client, fetchExchange, gql, subscriptionExchange } from '@urql/core';
import { createClient } from 'graphql-ws';

const url = import.meta.env.PLANTAIN_URL ?? 'http://127.0.0.1:4000';
// The page contains a token only because it runs on your own machine. In an app, use the token of the signed-in user.
const authorization = `Bearer ${import.meta.env.PLANTAIN_TOKEN}`;
const shortestWaitMs = 500;
const longestWaitMs = 10_000;

const fragment = gql`
  fragment Card on Task {
    id
    version
    createdAt
    prompt
    status
    failure {
      message
      advice
    }
    images {
      id
      url
      preview: url(variant: PREVIEW)
      width
      height
    }
  }
`;

const history = gql`
  query History {
    tasks(first: 24) {
      nodes {
        ...Card
      }
    }
  }
  ${fragment}
`;

const generateImages = gql`
  mutation Generate($input: GenerateImagesInput!) {
    generateImages(input: $input) {
      ... on TaskAccepted {
        task {
          ...Card
        }
      }
      ... on UserError {
        message
      }
    }
  }
  ${fragment}
`;

const taskEvents = gql`
  subscription Events($after: String) {
    taskEvents(after: $after) {
      cursor
      task {
        ...Card
      }
    }
  }
  ${fragment}
`;

const socket = createClient({
  url: `${url.replace(/^http/, 'ws')}/graphql`,
  connectionParams: { authorization },
  keepAlive: 20_000,
  // A retry of the library would send the first cursor again; `follow` sends the last one.
  retryAttempts: 0,
});

// No cache: the page stores the newest version of each task itself.
const client = new Client({
  url: `${url}/graphql`,
  preferGetMethod: false,
  fetchOptions: { headers: { authorization } },
  exchanges: [
    fetchExchange,
    subscriptionExchange({
      forwardSubscription: ({ query, variables }) => ({
        subscribe: (sink) => ({ unsubscribe: socket.subscribe({ query, variables }, sink) }),
      }),
    }),
  ],
});

/** Submits a task and returns it, or throws an error to show. A repeated key returns the same task. */
export async function generate(prompt, idempotencyKey) {
  const { data, error } = await client.mutation(generateImages, { input: { prompt, idempotencyKey } });
  if (error) throw error;
  if (!data.generateImages.task) throw new Error(data.generateImages.message);
  return data.generateImages.task;
}

/** Calls `onTask` for the latest tasks and every change; `onError` with an error text, or '' after a reconnect. */
export async function follow(onTask, onError) {
  let cursor = null;
  let waitMs = shortestWaitMs;
  socket.on('connected', () => onError(''));

  // Resolves when the connection is lost.
  const listen = () =>
    new Promise((resolve) => {
      client.subscription(taskEvents, { after: cursor }).subscribe(({ data, error }) => {
        if (error) return resolve(error);
        cursor = data.taskEvents.cursor;
        waitMs = shortestWaitMs;
        onTask(data.taskEvents.task);
      });
    });
  const readHistory = async () => {
    const { data, error } = await client.query(history, {});
    if (error) onError(error.message);
    data?.tasks.nodes.forEach(onTask);
  };

  for (;;) {
    const lost = listen();
    // With a cursor, missed changes arrive as events.
    if (!cursor) readHistory();
    const { networkError, message } = await lost;
    if (!networkError || networkError.code >= 4400) return onError(networkError?.reason || message);
    onError('Connection lost, retrying …');
    await new Promise((resolve) => setTimeout(resolve, waitMs));
    waitMs = Math.min(2 * waitMs, longestWaitMs);
  }
}
