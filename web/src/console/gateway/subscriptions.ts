import { subscriptionExchange } from '@urql/core';
import type { Client as Socket, ExecutionResult, Sink } from 'graphql-ws';

const retryDelayMs = 2_000;

/**
 * graphql-ws reconnects automatically. This exchange also restarts subscriptions that graphql-ws ends, because the socket
 * closed with an unknown code or because of an internal error in the gateway.
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
      // graphql-ws also calls `complete` after an unsubscribe.
      if (unsubscribed) return;
      const timer = setTimeout(start, retryDelayMs);
      stop = () => clearTimeout(timer);
    };
    const unsubscribe = socket.subscribe<ExecutionResult['data']>(request, {
      next: (result) => {
        if (failed) return;
        failed = !result.data && isFailure(result.errors);
        // A later result has a later cursor, so the failed event would be lost.
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
