import { subscriptionExchange } from '@urql/core';
import type { Client as Socket, ExecutionResult, Sink } from 'graphql-ws';

const retryDelayMs = 2_000;

/**
 * Subscriptions that last. The socket comes back by itself when it is lost; this starts again what ends for good
 * there, because it was closed for a strange reason, or because something behind the gateway failed.
 */
export function resilientSubscriptionExchange(socket: Socket) {
  return subscriptionExchange({
    forwardSubscription: ({ query, variables }) => ({
      subscribe: (sink) => ({ unsubscribe: subscribe(socket, { query: query ?? '', variables }, sink) }),
    }),
  });
}

type Request = Parameters<Socket['subscribe']>[0];

function subscribe(socket: Socket, request: Request, sink: Sink<ExecutionResult>): () => void {
  let unsubscribed = false;
  let stop = () => {};
  const start = () => {
    let failed = false;
    const retry = () => {
      // The socket completes what is unsubscribed, too.
      if (unsubscribed) return;
      const timer = setTimeout(start, retryDelayMs);
      stop = () => clearTimeout(timer);
    };
    const unsubscribe = socket.subscribe<ExecutionResult['data']>(request, {
      next: (result) => {
        if (failed) return;
        failed = !result.data && isFailure(result.errors);
        // Nothing that comes after it may be taken: it would hide what is missing.
        if (failed) unsubscribe();
        else sink.next(result as ExecutionResult);
      },
      error: (error) => (Array.isArray(error) && !isFailure(error) ? sink.error(error) : retry()),
      complete: () => (failed ? retry() : sink.complete()),
    });
    stop = unsubscribe;
  };
  start();
  return () => {
    unsubscribed = true;
    stop();
  };
}

function isFailure(errors: unknown): boolean {
  const isInternal = (error: { extensions?: { code?: unknown } }) => error.extensions?.code === 'INTERNAL';
  return Array.isArray(errors) && errors.some(isInternal);
}
