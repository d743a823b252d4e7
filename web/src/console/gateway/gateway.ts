import { Client, fetchExchange, mapExchange } from '@urql/core';
import { createContext, use } from 'react';
import { Signal } from '../ui/signal';
import { connect, type Connection } from './connection';
import { lastingSubscriptions } from './subscriptions';
import { Tasks } from './tasks';

/** One user's view of the gateway, for as long as the token is good. */
export interface Gateway {
  client: Client;
  connection: Signal<Connection>;
  tasks: Tasks;
  close: () => void;
}

const answerWithinMs = 30_000;

/** No cache: what changes is pushed, and `tasks` keeps each task once, in its newest version. */
export function openGateway(token: string, onRefused: (reason: string) => void): Gateway {
  const connection = new Signal<Connection>({ state: 'connecting', count: 0 });
  const socket = connect(token, connection, onRefused);
  const client = new Client({
    url: '/graphql',
    preferGetMethod: false,
    fetch: fetchWithin,
    fetchOptions: { headers: { authorization: `Bearer ${token}` } },
    exchanges: [refusals(onRefused), fetchExchange, lastingSubscriptions(socket)],
  });
  return {
    client,
    connection,
    tasks: new Tasks(),
    close: () => void Promise.resolve(socket.dispose()).catch(() => {}),
  };
}

const fetchWithin: typeof fetch = (input, init) => {
  const timeout = AbortSignal.timeout(answerWithinMs);
  return fetch(input, { ...init, signal: init?.signal ? AbortSignal.any([init.signal, timeout]) : timeout });
};

function refusals(onRefused: (reason: string) => void) {
  return mapExchange({
    onError(error) {
      const refusal = error.graphQLErrors.find(({ extensions }) => extensions?.code === 'UNAUTHENTICATED');
      if (refusal) onRefused(refusal.message);
    },
  });
}

const GatewayContext = createContext<Gateway | null>(null);
export const GatewayProvider = GatewayContext.Provider;

export function useGateway(): Gateway {
  const gateway = use(GatewayContext);
  if (!gateway) throw new Error('useGateway is for what is shown to a signed-in user.');
  return gateway;
}
