import { Client, fetchExchange, gql, subscriptionExchange } from '@urql/core';
import { createClient } from 'graphql-ws';

const url = import.meta.env.PLANTAIN_URL ?? 'http://127.0.0.1:4000';
// A token of your own, for this page on your own machine. In an app it is the one that signing in gave to the user.
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
  // It would come back with the cursor it began with; `follow` comes back with the last one.
  retryAttempts: 0,
});

// No cache: the page keeps each task once, in its newest version.
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

/** Asks for an image; answers with the task, or throws an error to show. The same key makes no second task. */
export async function generate(prompt, idempotencyKey) {
  const { data, error } = await client.mutation(generateImages, { input: { prompt, idempotencyKey } });
  if (error) throw error;
  if (!data.generateImages.task) throw new Error(data.generateImages.message);
  return data.generateImages.task;
}

/** Hands over the latest tasks, then every change, for good; says when the connection is lost, and '' when it is back. */
export async function follow(onTask, onTrouble) {
  let cursor = null;
  let waitMs = shortestWaitMs;
  socket.on('connected', () => onTrouble(''));

  // Until the connection is lost.
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
    if (error) onTrouble(error.message);
    data?.tasks.nodes.forEach(onTask);
  };

  for (;;) {
    const lost = listen();
    // With a cursor, everything that was missed arrives as an event.
    if (!cursor) readHistory();
    const { networkError, message } = await lost;
    if (!networkError || networkError.code >= 4400) return onTrouble(networkError?.reason || message);
    onTrouble('The connection is lost; trying again …');
    await new Promise((resolve) => setTimeout(resolve, waitMs));
    waitMs = Math.min(2 * waitMs, longestWaitMs);
  }
}
