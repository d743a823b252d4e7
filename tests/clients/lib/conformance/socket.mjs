import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import WebSocket from 'ws';
import { within } from './waiting.mjs';

export const subprotocol = 'graphql-transport-ws';

/** A WebSocket that says what it is told to, and keeps what it hears. */
export class Socket {
  #socket;
  #heard = [];
  #waiting = [];
  #closed;
  #pingFrames = 0;

  constructor(socket) {
    this.#socket = socket;
    this.#closed = new Promise((resolve) => {
      socket.on('close', (code, reason) => resolve({ code, reason: reason.toString(), bytes: reason.length }));
    });
    this.#closed.then(() => this.#serve());
    // An error ends in a close, and that is what rules are about.
    socket.on('error', () => {});
    socket.on('ping', () => {
      this.#pingFrames += 1;
      this.#serve();
    });
    socket.on('message', (text) => {
      this.#heard.push(JSON.parse(text));
      this.#serve();
    });
  }

  /** Opens a socket, which ends with the test. */
  static async open(t, gateway, { protocols = [subprotocol], ...options } = {}) {
    const socket = new WebSocket(gateway.wsUrl, protocols, options);
    t.after(() => socket.terminate());
    const opened = new Socket(socket);
    await within(once(socket, 'open'), 'open socket');
    return opened;
  }

  /** The same, acknowledged. */
  static async acknowledged(t, gateway, token, options) {
    const socket = await Socket.open(t, gateway, options);
    socket.init(token);
    await socket.next('connection_ack');
    return socket;
  }

  /** The status that a handshake is refused with. */
  static refusal(gateway, options) {
    const socket = new WebSocket(gateway.wsUrl, [subprotocol], options);
    const refused = new Promise((resolve, reject) => {
      socket.once('unexpected-response', (request, response) => {
        resolve(response.statusCode);
        request.destroy();
      });
      socket.once('open', () => reject(new Error('the handshake was not refused')));
      socket.on('error', reject);
    });
    return within(refused, 'refusal').finally(() => socket.terminate());
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

  /** In one piece, so that the gateway reads them all at once. */
  sendTogether(...messages) {
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

  /** Until everything that was sent before has been taken in; what the gateway said meanwhile stays to be read. */
  async heardOut() {
    const marker = randomUUID();
    this.send({ type: 'ping', payload: { marker } });
    return this.take(({ type, payload }) => type === 'pong' && payload?.marker === marker, 'pong');
  }

  /** The next message but the gateway's own pings; of this type, or it is wrong. */
  async next(type) {
    const message = await this.take((message) => message.type !== 'ping', type ?? 'message');
    if (type && message.type !== type) throw new Error(`instead of ${type} came ${JSON.stringify(message)}`);
    return message;
  }

  /** Takes the first message, heard or to come, that matches. */
  take(matches, what) {
    return this.#wait(() => {
      const index = this.#heard.findIndex(matches);
      return index < 0 ? undefined : this.#heard.splice(index, 1)[0];
    }, what);
  }

  /** Forgets what was heard so far. */
  forget() {
    this.#heard = [];
  }

  /** What is left to be read about an operation. */
  heardAbout(id) {
    return this.#heard.filter((message) => message.id === id);
  }

  framesOfPings(count) {
    return this.#wait(() => (this.#pingFrames >= count ? count : undefined), `ping frame number ${count}`);
  }

  /** Says goodbye. */
  close(code) {
    this.#socket.close(code);
  }

  closed() {
    return within(this.#closed, 'close');
  }

  /** Looks now and after everything that happens, until there is something or nothing can come any more. */
  #wait(look, what) {
    const found = new Promise((resolve, reject) => this.#waiting.push({ look, resolve, reject, what }));
    this.#serve();
    return within(found, what);
  }

  #serve() {
    const isOver = this.#socket.readyState === WebSocket.CLOSED;
    this.#waiting = this.#waiting.filter(({ look, resolve, reject, what }) => {
      const found = look();
      if (found !== undefined) resolve(found);
      else if (isOver) {
        this.#closed.then(({ code, reason }) => reject(new Error(`instead of ${what} came ${code} ${reason}`)));
      }
      return found === undefined && !isOver;
    });
  }
}

export const bearer = (token) => ({ authorization: `Bearer ${token}` });
