import { Client, fetchExchange, mapExchange } from '@urql/core';
import { createContext, use } from 'react';
import { Signal } from '../ui/signal';
import { connect, type Connection } from './connection';
import { resilientSubscriptionExchange } from './subscriptions';
import { TaskStore } from './taskStore';
import { gatewayUrl } from '../../paths';

/** The connection to the gateway with one token. */
export interface Gateway {
  client: Client;
  connection: Signal<Connection>;
  tasks: TaskStore;
  close: () => void;
}

const requestTimeoutMs = 30_000;

/** No urql cache: changes arrive by events, and `tasks` keeps the newest version of each task. */
export function openGateway(token: string, onTokenRejected: (reason: string) => void): Gateway {
  const connection = new Signal<Connection>({ state: 'connecting', reconnects: 0 });
  const socket = connect(token, connection, onTokenRejected);
  const client = new Client({
    url: gatewayUrl('graphql'),
    preferGetMethod: false,
    fetch: fetchWithTimeout,
    fetchOptions: { headers: { authorization: `Bearer ${token}` } },
    exchanges: [authErrorExchange(onTokenRejected), fetchExchange, resilientSubscriptionExchange(socket)],
  });
  return {
    client,
    connection,
    tasks: new TaskStore(),
    close: () => void Promise.resolve(socket.dispose()).catch(() => {}),
  };
}

const fetchWithTimeout: typeof fetch = (input, init) => {
  const timeout = AbortSignal.timeout(requestTimeoutMs);
  return fetch(input, { ...init, signal: init?.signal ? AbortSignal.any([init.signal, timeout]) : timeout });
};

function authErrorExchange(onTokenRejected: (reason: string) => void) {
  return mapExchange({
    onError(error) {
      const authError = error.graphQLErrors.find(({ extensions }) => extensions?.code === 'UNAUTHENTICATED');
      if (authError) onTokenRejected(authError.message);
    },
  });
}

const GatewayContext = createContext<Gateway | null>(null);
export const GatewayProvider = GatewayContext.Provider;

export function useGateway(): Gateway {
  const gateway = use(GatewayContext);
  if (!gateway) throw new Error('useGateway must be used inside GatewayProvider.');
  return gateway;
}
