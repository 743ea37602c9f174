/** Closes servers together with the backends that they mount, so that no client meets a closed connection. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { inspect } from 'node:util';
import {
  type ClosableServer,
  closeIdle,
  closeSilent,
  connectionsOf,
  cutOff,
  endListening,
  isSilent,
  socketBelow,
} from './client/accepted-connections.js';
import { isOwned } from './client/departure.js';
import { endConnectionWith } from './client/last-request.js';
import { forgetLeaving, noteLeaving } from './client/leaving-server.js';
import { type CloseServerOptions, closeServerTimeout } from './options/close.js';
import { ProcessHold, systemClock } from './time/clock.js';

/** What is closed together with its server: a `PooledBackend`. */
export interface Closable {
  /** Finishes what is begun, for at most `timeout` milliseconds. */
  close(options: { readonly timeout: number }): Promise<unknown>;
}

/** How long it goes on serving at most. A request may be on its way on a kept connection, which would be closed at once while it is idle. */
const FAREWELL_MS = 1_000;

/** After the end of listening, how long a client that has connected may take to send its request: with TLS, three times its way and back. */
const FIRST_REQUEST_MS = 1_000;

/** After the end of listening, how often it looks at the connections. */
const CHECK_MS = 100;

/**
 * Shuts down without showing a closed connection to a client. For a second, or half of `timeout` if that is shorter, the server goes on
 * serving, but each response ends its connection (`Connection: close`, RFC 9112 §9.6; GOAWAY in HTTP/2), so that the client's next request
 * goes elsewhere. Without clients that time is skipped. Then the server accepts the connections that already wait and stops listening, and
 * the backends finish what has begun. What is not finished within `timeout` is cut off, whoever serves it.
 *
 * @param servers the server, or a list of those that mount the same backends
 * @param backends the backend that the server mounts, or a list of them
 * @returns resolves when the backends and the servers are closed
 * @throws TypeError if it gets something else than servers and backends, or invalid options, RangeError for a timeout that is not above 0;
 * all as rejections
 */
export async function closeServer(
  servers: ClosableServer | readonly ClosableServer[],
  backends: Closable | readonly Closable[],
  options: CloseServerOptions = {},
): Promise<void> {
  const timeout = closeServerTimeout(options);
  const leaving = listOf(servers, isServer, `first argument of closeServer() must be ${SERVERS}`).map(
    (server) => new Leaving(server),
  );
  const mounted = listOf(
    backends,
    isBackend,
    'second argument of closeServer() must be a PooledBackend, or a list of them',
  );
  const hold = new ProcessHold(); // the server may be closed already, and whoever awaits this has more to do
  hold.take();
  try {
    await closeAll(leaving, mounted, timeout);
  } finally {
    hold.close();
    for (const server of leaving) server.forget();
  }
}

async function closeAll(servers: readonly Leaving[], backends: readonly Closable[], timeout: number): Promise<void> {
  const end = systemClock.now() + timeout;
  for (const server of servers) server.sayFarewell();
  const haveClients = await Promise.all(servers.map((server) => server.hasClients()));
  if (haveClients.includes(true)) await pause(Math.min(FAREWELL_MS, timeout / 2));
  await Promise.all(servers.map((server) => server.stopListening(timeout / 4)));
  const left = { timeout: Math.max(1, end - systemClock.now()) };
  const closed = backends.map(async (backend) => backend.close(left));
  await Promise.allSettled(closed); // if one fails, the others and the servers are closed all the same
  await Promise.all(servers.map((server) => server.end(end)));
  await Promise.all(closed);
}

const SERVERS =
  'a server of node:http, node:https or node:http2, or a list of them (app.listen() of Express and Koa returns one; it is app.server of Fastify, app.getHttpServer() of Nest)';

function listOf<T>(given: T | readonly T[], isOne: (item: unknown) => boolean, rule: string): readonly T[] {
  const list = [given].flat() as readonly T[];
  const wrong = list.findIndex((item) => !isOne(item));
  if (wrong >= 0) throw new TypeError(`the ${rule}, got ${inspect(list[wrong], { depth: -1 })}`);
  return list;
}

function isServer(item: unknown): boolean {
  return has(item, 'getConnections') && has(item, 'close');
}

function isBackend(item: unknown): boolean {
  return has(item, 'close') && !has(item, 'getConnections');
}

function has(item: unknown, method: string): boolean {
  return typeof Reflect.get(Object(item), method) === 'function';
}

/** A server that is being closed. */
class Leaving {
  readonly #server: ClosableServer;
  #closed: Promise<unknown> = Promise.resolve();
  #isClosed = false;
  #accepted = 0;
  readonly #handshakes = new Set<Socket>(); // of TLS

  constructor(server: ClosableServer) {
    this.#server = server;
  }

  sayFarewell(): void {
    noteLeaving(this.#server); // the mounts look there before each response
    for (const { _httpMessage: res, parser } of connectionsOf(this.#server)) {
      // The mounts do it themselves. Those that stand behind others in a pipeline cannot be found.
      if (res && !isOwned(res) && parser?.incoming === res.req) endConnectionWith(res);
    }
    // If nobody listened for 'checkContinue', a listener of ours would keep node:http from answering 100.
    for (const event of ['request', 'checkContinue']) {
      if (this.#server.listenerCount(event) > 0) this.#server.prependListener(event, this.#begun);
    }
    this.#server.on('connection', this.#connected);
    this.#server.on('secureConnection', this.#secured);
  }

  hasClients(): Promise<boolean> {
    return new Promise((resolve) => this.#server.getConnections((_, count) => resolve(count > 0)));
  }

  async stopListening(mostMs: number): Promise<void> {
    await this.#acceptWaiting(Math.min(FAREWELL_MS, mostMs));
    this.#closed = new Promise<void>((resolve) => endListening(this.#server, resolve)).then(() => {
      this.#isClosed = true;
    });
    // The last connections are accepted, but their requests are not read yet.
    let leftMs = Math.min(FIRST_REQUEST_MS, mostMs);
    do {
      await this.#wait(Math.min(CHECK_MS, leftMs));
      leftMs -= CHECK_MS;
    } while (leftMs > 0 && this.#expectsRequests());
  }

  /** The backends are closed. The last bytes of responses may still be on their way, and the app's own routes may still be busy. */
  async end(end: number): Promise<void> {
    while (!this.#isClosed && systemClock.now() < end) {
      closeIdle(this.#server);
      closeSilent(this.#server);
      await this.#wait(CHECK_MS);
    }
    if (!this.#isClosed) cutOff(this.#server);
    await this.#wait(CHECK_MS);
  }

  /**
   * Accepts what already waits in the kernel: the end of listening would reset it. node:net accepts one connection in a turn of the event
   * loop, so after a stall there can be many. Under too much load, more come than are accepted: then it takes `ms`.
   */
  async #acceptWaiting(ms: number): Promise<void> {
    const end = systemClock.now() + ms;
    await turn(); // after an I/O callback, it ends before the kernel is asked again
    for (let before = -1; this.#accepted > before && systemClock.now() < end; await turn()) before = this.#accepted;
  }

  #expectsRequests(): boolean {
    return this.#handshakes.size > 0 || connectionsOf(this.#server).some(isSilent);
  }

  async #wait(ms: number): Promise<void> {
    if (!this.#isClosed) await Promise.race([this.#closed, pause(ms)]);
  }

  /** It may listen again. */
  forget(): void {
    forgetLeaving(this.#server);
    for (const event of ['request', 'checkContinue']) this.#server.off(event, this.#begun);
    this.#server.off('connection', this.#connected);
    this.#server.off('secureConnection', this.#secured);
  }

  readonly #begun = (_: IncomingMessage, res: ServerResponse): void => endConnectionWith(res);

  readonly #connected = (socket: Socket): void => {
    this.#accepted += 1;
    if (!('setSecureContext' in this.#server)) return;
    this.#handshakes.add(socket);
    socket.once('close', () => this.#handshakes.delete(socket));
  };

  readonly #secured = (socket: Socket): void => void this.#handshakes.delete(socketBelow(socket));
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => systemClock.after(ms, resolve));
}

function turn(): Promise<void> {
  return new Promise((resolve) => systemClock.soon(resolve));
}
