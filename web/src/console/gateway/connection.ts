import { createClient, type Client as Socket } from 'graphql-ws';
import { Signal } from '../ui/signal';
import { gatewayUrl } from '../../paths';

/** `reconnects` counts reconnections. When it increases, failed requests can be retried. */
export interface Connection {
  state: 'connecting' | 'open' | 'lost';
  reconnects: number;
}

const forbidden = 4403;
const pingIntervalMs = 10_000;
const pongTimeoutMs = 5_000;
const minRetryDelayMs = 250;
const maxRetryDelayMs = 5_000;

/** A WebSocket that reconnects until the token is rejected. */
export function connect(
  token: string,
  connection: Signal<Connection>,
  onTokenRejected: (reason: string) => void,
): Socket {
  const setState = (state: Connection['state']) => connection.set({ ...connection.get(), state });
  let pongTimer: ReturnType<typeof setTimeout>;

  const socket: Socket = createClient({
    url: gatewayUrl('graphql').replace(/^http/, 'ws'),
    connectionParams: { authorization: `Bearer ${token}` },
    keepAlive: pingIntervalMs,
    retryAttempts: Infinity,
    retryWait: (retries) => retryDelay(minRetryDelayMs * 2 ** Math.min(retries, 10)),
    shouldRetry: (event) => !isTokenRejection(event),
    on: {
      connected: () => {
        const { state, reconnects } = connection.get();
        connection.set({ state: 'open', reconnects: state === 'lost' ? reconnects + 1 : reconnects });
      },
      closed: (event) => {
        clearTimeout(pongTimer);
        if (isTokenRejection(event)) onTokenRejected(event.reason);
        else setState('lost');
      },
      ping: (received) => {
        if (!received) pongTimer = setTimeout(() => socket.terminate(), pongTimeoutMs);
      },
      pong: (received) => {
        if (received) clearTimeout(pongTimer);
      },
    },
  });
  return { ...socket, dispose: disposeWithListeners(socket, connection) };
}

/**
 * Adds listeners for the browser's network events, and returns a `dispose` that removes them. They close a dead connection, and restart one that is waiting to connect.
 */
function disposeWithListeners(socket: Socket, connection: Signal<Connection>): Socket['dispose'] {
  const offline = () => socket.terminate();
  const online = () => {
    if (connection.get().state !== 'open') socket.terminate();
  };
  addEventListener('offline', offline);
  addEventListener('online', online);
  return () => {
    removeEventListener('offline', offline);
    removeEventListener('online', online);
    return socket.dispose();
  };
}

function isTokenRejection(event: unknown): event is CloseEvent {
  return event instanceof CloseEvent && event.code === forbidden;
}

/** With jitter, so that clients do not reconnect all at once after a restart. Ends early when the network is back. */
function retryDelay(ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, Math.min(ms, maxRetryDelayMs) * (0.5 + Math.random() / 2));
  addEventListener('online', resolve as () => void);
  return promise.finally(() => {
    clearTimeout(timer);
    removeEventListener('online', resolve as () => void);
  });
}
