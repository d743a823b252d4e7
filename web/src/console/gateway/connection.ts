import { createClient, type Client as Socket } from 'graphql-ws';
import { Signal } from '../ui/signal';

/** `count` says how often it came back: whatever failed before is worth another try when it grows. */
export interface Connection {
  state: 'connecting' | 'open' | 'lost';
  count: number;
}

const forbidden = 4403;
const pingEveryMs = 10_000;
const pongWithinMs = 5_000;
const firstWaitMs = 250;
const longestWaitMs = 5_000;

/** A socket that comes back for good, unless the token is refused. */
export function connect(token: string, connection: Signal<Connection>, onRefused: (reason: string) => void): Socket {
  const state = (next: Connection['state']) => connection.set({ ...connection.get(), state: next });
  let pong: ReturnType<typeof setTimeout>;

  const socket: Socket = createClient({
    url: new URL('/graphql', location.href).href.replace(/^http/, 'ws'),
    connectionParams: { authorization: `Bearer ${token}` },
    keepAlive: pingEveryMs,
    retryAttempts: Infinity,
    retryWait: (retries) => wait(firstWaitMs * 2 ** Math.min(retries, 10)),
    shouldRetry: (event) => !isRefusal(event),
    on: {
      connected: () => {
        const { state, count } = connection.get();
        connection.set({ state: 'open', count: state === 'lost' ? count + 1 : count });
      },
      closed: (event) => {
        clearTimeout(pong);
        if (isRefusal(event)) onRefused(event.reason);
        else state('lost');
      },
      ping: (received) => {
        if (!received) pong = setTimeout(() => socket.terminate(), pongWithinMs);
      },
      pong: (received) => {
        if (received) clearTimeout(pong);
      },
    },
  });
  return { ...socket, dispose: disposing(socket, connection) };
}

/** What the browser knows of its network is heeded at once: a dead socket goes, and so does one that tries in vain. */
function disposing(socket: Socket, connection: Signal<Connection>): Socket['dispose'] {
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

function isRefusal(event: unknown): event is CloseEvent {
  return event instanceof CloseEvent && event.code === forbidden;
}

/** Spread out, lest every page comes back at once after a restart; over at once when the network is back. */
function wait(ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, Math.min(ms, longestWaitMs) * (0.5 + Math.random() / 2));
  addEventListener('online', resolve as () => void);
  return promise.finally(() => {
    clearTimeout(timer);
    removeEventListener('online', resolve as () => void);
  });
}
