// Makes an image and prints each thing that happens to it once: node generate.mjs 'a tin robot watering basil'
import { randomUUID } from 'node:crypto';
import { ApolloClient, CombinedGraphQLErrors, InMemoryCache, gql } from '@apollo/client';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { createClient } from 'graphql-ws';
import { EMPTY, defer, filter, map, merge, retry, takeWhile, tap, timer } from 'rxjs';
import WebSocket from 'ws';

const { PLANTAIN_URL = 'http://127.0.0.1:4000', PLANTAIN_TOKEN } = process.env;
const prompt = process.argv[2];
if (!prompt || !PLANTAIN_TOKEN) {
  console.error('PLANTAIN_TOKEN=… node generate.mjs PROMPT');
  process.exit(1);
}

const STATE = gql`
  fragment State on Task {
    id
    version
    status
    metadata
    failure {
      message
      advice
    }
    images {
      id
      url
    }
  }
`;
const GENERATE = gql`
  mutation Generate($input: GenerateImagesInput!) {
    generateImages(input: $input) {
      ... on TaskAccepted {
        task {
          ...State
        }
      }
      ... on UserError {
        message
      }
    }
  }
  ${STATE}
`;
const EVENTS = gql`
  subscription Events($after: String) {
    taskEvents(after: $after) {
      cursor
      task {
        ...State
      }
    }
  }
  ${STATE}
`;

// Node.js 20 has no WebSocket of its own.
globalThis.WebSocket ??= WebSocket;

let refused = false;
const socket = createClient({
  url: `${PLANTAIN_URL.replace(/^http/, 'ws')}/graphql`,
  connectionParams: { authorization: `Bearer ${PLANTAIN_TOKEN}` },
  // Keeps a quiet connection open, through whatever is in between.
  keepAlive: 20_000,
  // It would come back with the cursor it began with, and tell everything since then again.
  retryAttempts: 0,
  // Such as 4403, for a token that is not valid.
  on: { closed: ({ code }) => (refused = code >= 4400) },
});
const client = new ApolloClient({
  // Also the mutation: what is sent after the subscription is done after it.
  link: new GraphQLWsLink(socket),
  cache: new InMemoryCache({
    possibleTypes: {
      UserError: [
        'IdempotencyConflict',
        'InsufficientCredits',
        'InvalidInput',
        'NotFound',
        'PromptRejected',
        'RateLimited',
      ],
    },
  }),
});

// With it the mutation can be sent again: it is the same task, and is paid for once.
const run = randomUUID();
let cursor = null;

async function submit() {
  const input = { prompt, idempotencyKey: run, metadata: { run } };
  const { data } = await client.mutate({ mutation: GENERATE, variables: { input } });
  if (!data.generateImages.task) throw new CombinedGraphQLErrors({ errors: [data.generateImages] });
  return data.generateImages.task;
}

/** The viewer's tasks as each event left them, from the last cursor on. */
function listen() {
  return client.subscribe({ query: EVENTS, variables: { after: cursor } }).pipe(
    map(({ data, error }) => {
      if (error) throw error;
      cursor = data.taskEvents.cursor;
      return data.taskEvents.task;
    }),
  );
}

// Without a cursor yet, what happened before the first event is in the mutation's answer.
const states = defer(() => merge(listen(), cursor ? EMPTY : submit())).pipe(
  retry({
    resetOnSuccess: true,
    delay: (error, attempt) => {
      if (refused || CombinedGraphQLErrors.is(error)) throw error;
      const wait = Math.min(500 * 2 ** (attempt - 1), 10_000);
      console.error(`The connection is lost (${error.message}); once more in ${wait / 1000} s.`);
      return timer(wait);
    },
  }),
);

let version = 0;
states
  .pipe(
    // The answer of the mutation and the event of it are one version.
    filter((task) => task.metadata?.run === run && task.version > version),
    tap((task) => (version = task.version)),
    takeWhile(({ status }) => !['SUCCEEDED', 'FAILED', 'CANCELED'].includes(status), true),
  )
  .subscribe({
    next: ({ status, images, failure }) => {
      console.log(status);
      process.exitCode = status === 'SUCCEEDED' ? 0 : 1;
      if (failure) console.error(failure.message, failure.advice);
      for (const { url } of images) console.log(url);
    },
    error: ({ message }) => {
      console.error(message);
      process.exitCode = 1;
      socket.dispose();
    },
    complete: () => socket.dispose(),
  });
