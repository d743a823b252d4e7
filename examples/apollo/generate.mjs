// Generates an image and prints each status change once: node generate.mjs 'a tin robot watering basil'
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

// Node.js 20 has no global WebSocket.
globalThis.WebSocket ??= WebSocket;

let rejected = false;
const socket = createClient({
  url: `${PLANTAIN_URL.replace(/^http/, 'ws')}/graphql`,
  connectionParams: { authorization: `Bearer ${PLANTAIN_TOKEN}` },
  // Pings, so that no proxy closes an idle connection.
  keepAlive: 20_000,
  // A retry of the library would send the first cursor again and receive every event since then.
  retryAttempts: 0,
  // For example 4403 for an invalid token.
  on: { closed: ({ code }) => (rejected = code >= 4400) },
});
const client = new ApolloClient({
  // The mutation uses the socket as well, so that the gateway processes it after the subscription.
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

// The idempotency key makes the mutation safe to repeat: it returns the same task, which is charged once.
const run = randomUUID();
let cursor = null;

async function submit() {
  const input = { prompt, idempotencyKey: run, metadata: { run } };
  const { data } = await client.mutate({ mutation: GENERATE, variables: { input } });
  if (!data.generateImages.task) throw new CombinedGraphQLErrors({ errors: [data.generateImages] });
  return data.generateImages.task;
}

/** Returns the task of each event, starting after the last cursor. */
function listen() {
  return client.subscribe({ query: EVENTS, variables: { after: cursor } }).pipe(
    map(({ data, error }) => {
      if (error) throw error;
      cursor = data.taskEvents.cursor;
      return data.taskEvents.task;
    }),
  );
}

// Without a cursor, the result of the mutation contains what happened before the first event.
const states = defer(() => merge(listen(), cursor ? EMPTY : submit())).pipe(
  retry({
    resetOnSuccess: true,
    delay: (error, attempt) => {
      if (rejected || CombinedGraphQLErrors.is(error)) throw error;
      const wait = Math.min(500 * 2 ** (attempt - 1), 10_000);
      console.error(`Connection lost (${error.message}), retrying in ${wait / 1000} s.`);
      return timer(wait);
    },
  }),
);

let version = 0;
states
  .pipe(
    // The result of the mutation and its event can have the same version.
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
