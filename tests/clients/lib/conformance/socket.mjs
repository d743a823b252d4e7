import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import WebSocket from 'ws';
import { withTimeout } from './timeout.mjs';

export const subprotocol = 'graphql-transport-ws';

/** A WebSocket that sends given messages and stores the received ones. */
export class Socket {
  #socket;
  #received = [];
  #waiters = [];
  #closed;
  #pingFrames = 0;

  constructor(socket) {
    this.#socket = socket;
    this.#closed = new Promise((resolve) => {
      socket.on('close', (code, reason) => resolve({ code, reason: reason.toString(), bytes: reason.length }));
    });
    this.#closed.then(() => this.#resolveWaiters());
    // After an error, `ws` emits `close`, which the rules check.
    socket.on('error', () => {});
    socket.on('ping', () => {
      this.#pingFrames += 1;
      this.#resolveWaiters();
    });
    socket.on('message', (text) => {
      this.#received.push(JSON.parse(text));
      this.#resolveWaiters();
    });
  }

  /** Opens a socket that is terminated when the test ends. */
  static async open(t, gateway, { protocols = [subprotocol], ...options } = {}) {
    const socket = new WebSocket(gateway.wsUrl, protocols, options);
    t.after(() => socket.terminate());
    const opened = new Socket(socket);
    await withTimeout(once(socket, 'open'), 'open socket');
    return opened;
  }

  /** Opens a socket and waits for `connection_ack`. */
  static async acknowledged(t, gateway, token, options) {
    const socket = await Socket.open(t, gateway, options);
    socket.init(token);
    await socket.next('connection_ack');
    return socket;
  }

  /** Returns the HTTP status with which the handshake is rejected. */
  static rejectedStatus(gateway, options) {
    const socket = new WebSocket(gateway.wsUrl, [subprotocol], options);
    const rejected = new Promise((resolve, reject) => {
      socket.once('unexpected-response', (request, response) => {
        resolve(response.statusCode);
        request.destroy();
      });
      socket.once('open', () => reject(new Error('the handshake was not rejected')));
      socket.on('error', reject);
    });
    return withTimeout(rejected, 'rejection').finally(() => socket.terminate());
  }

  /** The subprotocol that the gateway selected. */
  get protocol() {
    return this.#socket.protocol;
  }

  send(message) {
    this.sendRaw(JSON.stringify(message));
  }

  sendRaw(data) {
    this.#socket.send(data);
  }

  /** Sends all messages in one write, so that the gateway reads them together. */
  sendInOneWrite(...messages) {
    const { _socket: connection } = this.#socket;
    connection.cork();
    messages.forEach((message) => this.send(message));
    connection.uncork();
  }

  init(token) {
    this.send({ type: 'connection_init', payload: bearer(token) });
  }

  subscribe(id, query, variables) {
    this.send({ type: 'subscribe', id, payload: { query, variables } });
  }

  complete(id) {
    this.send({ type: 'complete', id });
  }

  /** Waits until the gateway has processed all earlier messages; messages received meanwhile stay stored. */
  async drain() {
    const marker = randomUUID();
    this.send({ type: 'ping', payload: { marker } });
    return this.take(({ type, payload }) => type === 'pong' && payload?.marker === marker, 'pong');
  }

  /** Returns the next message, ignoring pings. Fails if it has another type. */
  async next(type) {
    const message = await this.take((message) => message.type !== 'ping', type ?? 'message');
    if (type && message.type !== type) throw new Error(`expected ${type}, received ${JSON.stringify(message)}`);
    return message;
  }

  /** Removes and returns the first stored or future message that matches. */
  take(matches, what) {
    return this.#wait(() => {
      const index = this.#received.findIndex(matches);
      return index < 0 ? undefined : this.#received.splice(index, 1)[0];
    }, what);
  }

  /** Discards all stored messages. */
  clear() {
    this.#received = [];
  }

  /** Returns the stored messages of an operation. */
  messagesOf(id) {
    return this.#received.filter((message) => message.id === id);
  }

  waitForPingFrames(count) {
    return this.#wait(() => (this.#pingFrames >= count ? count : undefined), `ping frame number ${count}`);
  }

  /** Starts the closing handshake. */
  close(code) {
    this.#socket.close(code);
  }

  closed() {
    return withTimeout(this.#closed, 'close');
  }

  /** Returns the first value of `condition`, evaluated now and after every event. Fails when the socket is closed. */
  #wait(condition, what) {
    const found = new Promise((resolve, reject) => this.#waiters.push({ condition, resolve, reject, what }));
    this.#resolveWaiters();
    return withTimeout(found, what);
  }

  #resolveWaiters() {
    const isClosed = this.#socket.readyState === WebSocket.CLOSED;
    this.#waiters = this.#waiters.filter(({ condition, resolve, reject, what }) => {
      const found = condition();
      if (found !== undefined) resolve(found);
      else if (isClosed) {
        this.#closed.then(({ code, reason }) => reject(new Error(`expected ${what}, but the socket was closed with ${code} ${reason}`)));
      }
      return found === undefined && !isClosed;
    });
  }
}

export const bearer = (token) => ({ authorization: `Bearer ${token}` });
