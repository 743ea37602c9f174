/** A server on raw sockets: it reads requests, and its owner writes every byte of the answers. */

import { createServer } from 'node:net';
import { TLSSocket } from 'node:tls';
import { listen } from './listen.mjs';
import { MessageReader } from './raw-message.mjs';

/**
 * @typedef {object} RawRequest
 * @property {string} method
 * @property {string} path
 * @property {string} id its `x-request-id`, or its path
 * @property {Record<string, string>} fields
 * @property {Buffer} body all of it in `onRequest`
 * @property {number} onConnection from 0
 */

/**
 * @typedef {object} RawServerEvents
 * @property {(connection: RawConnection) => void} [onConnection]
 * @property {(connection: RawConnection, request: RawRequest) => void} [onHead]
 * @property {(connection: RawConnection, request: RawRequest) => void} onRequest
 */

/**
 * Where a server listens, unless it is TCP on a port of its own choice.
 * @typedef {object} RawPlace
 * @property {string | undefined} [path] of a unix socket
 * @property {import('node:tls').SecureContext | undefined} [secure] for TLS
 */

/** One accepted connection. */
export class RawConnection {
  /** What is written and read: with TLS, above the accepted one. @type {import('node:net').Socket} */
  socket;
  #accepted;
  /** Number of requests whose head was read. */
  requests = 0;
  /** @type {RawRequest | undefined} the request that was read, or is being read, and is not answered */
  current;
  /** @type {{ request: RawRequest, bytes: number } | undefined} the last request that was answered */
  last;
  /** @type {NodeJS.Timeout | undefined} */
  #idleTimer;
  #reader;
  /** @type {RawRequest | undefined} */
  #arriving;
  /** @type {((bytes: Buffer) => void) | undefined} gets the bytes once they are no longer HTTP */
  #switched;

  /**
   * @param {import('node:net').Socket} accepted
   * @param {RawServerEvents} events
   * @param {import('node:tls').SecureContext} [secure]
   */
  constructor(accepted, events, secure) {
    const socket = secure === undefined ? accepted : new TLSSocket(accepted, { isServer: true, secureContext: secure });
    this.#accepted = accepted;
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
    accepted.setNoDelay(true);
    socket.on('data', (/** @type {Buffer} */ bytes) => {
      clearTimeout(this.#idleTimer);
      if (this.gone) return;
      if (this.#switched === undefined) this.#reader.read(bytes);
      else this.#switched(bytes);
    });
    // Like many servers, this one takes the FIN of a client for the end of the connection.
    socket.on('end', () => socket.destroy());
    socket.on('error', () => {});
    socket.on('close', () => clearTimeout(this.#idleTimer));
  }

  get gone() {
    return this.socket.destroyed || this.socket.writableEnded;
  }

  /** Whether every request that has begun was answered. */
  get idle() {
    return this.current === undefined && !this.#reader.midMessage;
  }

  /**
   * @param {string | Buffer} bytes a string is latin1
   * @param {() => void} [taken] called when the kernel has all of them: at once, unless many bytes wait before them
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

  /** The request was answered completely, with that many bytes. */
  answered(bytes = 0) {
    this.last = this.current === undefined ? undefined : { request: this.current, bytes };
    this.current = undefined;
  }

  /**
   * What comes from now on is no longer HTTP.
   * @param {(bytes: Buffer) => void} listener
   */
  switch(listener) {
    this.#switched = listener;
  }

  /** Closes the connection: the client gets all that was written, then a FIN. */
  close() {
    // Each call of destroySoon() adds a listener. A client that does not read keeps this connection over many restarts.
    if (this.gone) return;
    this.socket.end();
    this.socket.destroySoon();
  }

  /** Ends the connection with a RST; a unix socket, which has none, at once. */
  reset() {
    if (this.#accepted.remotePort === undefined) this.socket.destroy();
    else this.#accepted.resetAndDestroy();
  }

  /**
   * Calls `call` unless something arrives within `ms`. Replaces the call that was set before.
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

/** A server that can stop, and listen on its port again. */
export class RawServer {
  /** @type {Set<RawConnection>} the open ones */
  connections = new Set();
  port = 0;
  #events;
  #place;
  /** @type {import('node:net').Server | undefined} */
  #server;

  /**
   * @param {RawServerEvents} events
   * @param {RawPlace} [place]
   */
  constructor(events, place = {}) {
    this.#events = events;
    this.#place = place;
  }

  /** @param {number} [port] */
  async listen(port) {
    const server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
    this.#server = server;
    const { path } = this.#place;
    if (path !== undefined) await new Promise((resolve) => server.listen(path, () => resolve(undefined)));
    else this.port = await listen(server, port ?? (this.port === 0 ? undefined : this.port));
  }

  /**
   * Refuses new connections, and ends the present ones.
   * @param {'close' | 'reset'} how
   */
  stop(how) {
    this.#server?.close();
    this.#server = undefined;
    for (const connection of this.connections) connection[how]();
  }

  /** @param {import('node:net').Socket} socket */
  #accept(socket) {
    const connection = new RawConnection(socket, this.#events, this.#place.secure);
    this.connections.add(connection);
    connection.socket.on('close', () => this.connections.delete(connection));
    this.#events.onConnection?.(connection);
  }
}
