/** A server on raw sockets: it reads requests, and leaves what comes back, to the byte, to its owner. */

import { createServer } from 'node:net';
import { listen } from './listen.mjs';
import { MessageReader } from './raw-message.mjs';

/**
 * @typedef {object} RawRequest
 * @property {string} method
 * @property {string} path
 * @property {string} id its `x-request-id`, or its path
 * @property {Record<string, string>} fields
 * @property {Buffer} body whole in `onRequest`
 * @property {number} onConnection from 0
 */

/**
 * @typedef {object} RawServerEvents
 * @property {(connection: RawConnection) => void} [onConnection]
 * @property {(connection: RawConnection, request: RawRequest) => void} [onHead]
 * @property {(connection: RawConnection, request: RawRequest) => void} onRequest
 */

/** One connection, from its acceptance. */
export class RawConnection {
  socket;
  /** Requests whose head was read. */
  requests = 0;
  /** @type {RawRequest | undefined} the one that was read, or is being read, and is not answered */
  current;
  /** @type {{ request: RawRequest, bytes: number } | undefined} the one that was answered last */
  last;
  /** @type {NodeJS.Timeout | undefined} */
  #idleTimer;
  #reader;
  /** @type {RawRequest | undefined} */
  #arriving;

  /**
   * @param {import('node:net').Socket} socket
   * @param {RawServerEvents} events
   */
  constructor(socket, events) {
    this.socket = socket;
    this.#reader = new MessageReader({
      onHead: ({ start, fields, body }) => {
        const [method = '', path = ''] = start.split(' ');
        const request = { method, path, id: fields['x-request-id'] ?? path, fields, body, onConnection: this.requests };
        this.requests += 1;
        this.#arriving = request;
        this.current = request;
        events.onHead?.(this, request);
      },
      onEnd: ({ body }) => {
        const request = this.#arriving;
        if (request === undefined) return;
        request.body = body;
        if (!this.gone) events.onRequest(this, request);
      },
    });
    socket.setNoDelay(true);
    socket.on('data', (/** @type {Buffer} */ bytes) => {
      clearTimeout(this.#idleTimer);
      if (!this.gone) this.#reader.read(bytes);
    });
    // A half-closed client has gone, for a server that is none too polite.
    socket.on('end', () => socket.destroy());
    socket.on('error', () => {});
    socket.on('close', () => clearTimeout(this.#idleTimer));
  }

  get gone() {
    return this.socket.destroyed || this.socket.writableEnded;
  }

  /** No request has begun that was not answered. */
  get idle() {
    return this.current === undefined && !this.#reader.midMessage;
  }

  /**
   * @param {string | Buffer} bytes a string is latin1
   * @param {() => void} [taken] called when the kernel has all of them: at once, unless much is before them
   */
  write(bytes, taken = () => {}) {
    if (this.gone) return;
    let told = false;
    const tell = () => {
      if (!told) taken();
      told = true;
    };
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes, tell);
    if (this.socket.writableLength === 0) tell();
  }

  /** The request was answered to its end: that much is on its way. */
  answered(bytes = 0) {
    this.last = this.current === undefined ? undefined : { request: this.current, bytes };
    this.current = undefined;
  }

  /** What was written arrives, then a FIN. */
  close() {
    this.socket.end();
    this.socket.destroySoon();
  }

  /** A RST. */
  reset() {
    this.socket.resetAndDestroy();
  }

  /**
   * Calls `call` unless something arrives within `ms`. Replaces the last call.
   * @param {number} ms
   * @param {() => void} call
   */
  whenIdle(ms, call) {
    clearTimeout(this.#idleTimer);
    this.#idleTimer = setTimeout(() => {
      if (this.idle && !this.gone) call();
    }, ms);
  }
}

/** Can go away and come back on its port. */
export class RawServer {
  /** @type {Set<RawConnection>} those that are open */
  connections = new Set();
  port = 0;
  #events;
  /** @type {import('node:net').Server | undefined} */
  #server;

  /** @param {RawServerEvents} events */
  constructor(events) {
    this.#events = events;
  }

  /** @param {number} [port] */
  async listen(port) {
    const server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
    this.#server = server;
    this.port = await listen(server, port ?? (this.port === 0 ? undefined : this.port));
  }

  /**
   * Refuses newcomers, and ends the connections.
   * @param {'close' | 'reset'} how
   */
  stop(how) {
    this.#server?.close();
    this.#server = undefined;
    for (const connection of this.connections) connection[how]();
  }

  /** @param {import('node:net').Socket} socket */
  #accept(socket) {
    const connection = new RawConnection(socket, this.#events);
    this.connections.add(connection);
    socket.on('close', () => this.connections.delete(connection));
    this.#events.onConnection?.(connection);
  }
}
