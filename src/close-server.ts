/** Closes a server together with the backends that it mounts, so that no client meets a closed connection. */

import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Http2SecureServer, Http2Server } from 'node:http2';
import type { Server as HttpsServer } from 'node:https';
import type { Socket } from 'node:net';
import { isAttended } from './client/departure.js';
import { noteLeaving } from './client/last-request.js';
import { systemClock } from './clock.js';
import { type CloseServerOptions, closeServerTimeout } from './options/close.js';

/** A server that {@link closeServer} closes. */
export type ClosableServer = Server | HttpsServer | Http2Server | Http2SecureServer;

/** What is closed together with its server: a `PooledBackend`. */
export interface Closable {
  /** Finishes what is begun, for at most `timeout` milliseconds. */
  close(options: { readonly timeout: number }): Promise<unknown>;
}

/** How long it goes on serving at most. A request may be on its way on a kept connection, which would be closed at once while it is idle. */
const FAREWELL_MS = 1_000;

/** After the end of listening, how long a client that has just connected may take to send its request. */
const FIRST_REQUEST_MS = 100;

/** At the end, how often it looks for connections that have become idle. */
const IDLE_CHECK_MS = 100;

/**
 * Shuts down without showing a closed connection to a client. For a second, or half of `timeout` if that is shorter, the server goes on
 * serving, but each response ends its connection (`Connection: close`, RFC 9112 §9.6; GOAWAY in HTTP/2), so that the client's next request
 * goes elsewhere. Without clients that time is skipped. Then the server accepts the connections that already wait and stops listening, and
 * the backends finish what has begun. What is not finished within `timeout` is cut off.
 *
 * @param backends the backend that the server mounts, or a list of them
 * @returns resolves when the backends and the server are closed
 * @throws TypeError for invalid options, RangeError for a timeout that is not above 0; both as rejections
 */
export async function closeServer(
  server: ClosableServer,
  backends: Closable | readonly Closable[],
  options: CloseServerOptions = {},
): Promise<void> {
  const timeout = closeServerTimeout(options);
  const end = systemClock.now() + timeout;
  sayFarewell(server);
  if (await hasClients(server)) await pause(Math.min(FAREWELL_MS, timeout / 2));
  await acceptWaiting(server, Math.min(FAREWELL_MS, timeout / 4));
  const closed = new Promise<void>((resolve) => void server.close(() => resolve()));
  // The last connections are accepted, but their requests are not read yet.
  await Promise.race([closed, pause(Math.min(FIRST_REQUEST_MS, timeout / 4))]);
  const left = { timeout: Math.max(1, end - systemClock.now()) };
  await Promise.all([backends].flat().map((backend) => backend.close(left)));
  await endConnections(server, closed, end);
}

function sayFarewell(server: ClosableServer): void {
  noteLeaving(server); // the mounts look there before each response
  for (const { _httpMessage: res } of connectionsOf(server)) if (res && !isAttended(res)) endWith(res);
  const begun = (_: IncomingMessage, res: ServerResponse) => endWith(res);
  // If nobody listened for 'checkContinue', a listener of ours would keep node:http from answering 100.
  for (const event of ['request', 'checkContinue']) {
    if (server.listenerCount(event) > 0) server.prependListener(event, begun);
  }
}

function endWith(res: ServerResponse): void {
  if (res.req.httpVersionMajor === 1 && !res.headersSent) res.setHeader('Connection', 'close');
}

function hasClients(server: ClosableServer): Promise<boolean> {
  return new Promise((resolve) => server.getConnections((_, count) => resolve(count > 0)));
}

/**
 * Accepts what already waits in the kernel: the end of listening would reset it. node:net accepts one connection in a turn of the event
 * loop, so after a stall there can be many. Under too much load, more come than are accepted: then it takes `ms`.
 */
async function acceptWaiting(server: ClosableServer, ms: number): Promise<void> {
  const end = systemClock.now() + ms;
  let accepted = 0;
  server.on('connection', () => {
    accepted += 1;
  });
  await turn(); // after an I/O callback, it ends before the kernel is asked again
  for (let before = -1; accepted > before && systemClock.now() < end; await turn()) before = accepted;
}

/** The backends are closed. The last bytes of responses may still be on their way, and the app's own routes may still be busy. */
async function endConnections(server: ClosableServer, closed: Promise<void>, end: number): Promise<void> {
  let isClosed = false;
  void closed.then(() => {
    isClosed = true;
  });
  while (!isClosed && systemClock.now() < end) {
    closeIdle(server);
    await Promise.race([closed, pause(IDLE_CHECK_MS)]);
  }
  if ('closeAllConnections' in server) server.closeAllConnections();
}

/** Before Node 26, node:http takes a connection on which no byte has come for one that is busy. */
function closeIdle(server: ClosableServer): void {
  if ('closeIdleConnections' in server) server.closeIdleConnections();
  for (const socket of connectionsOf(server)) if (socket.bytesRead === 0) socket.destroy();
}

interface ClientSocket extends Socket {
  /** The response that is being written to it. */
  readonly _httpMessage?: ServerResponse | null | undefined;
}

/**
 * The connections of a server. Node does not document its list of them. Where it is not found, silent connections, and what was begun by
 * other handlers before, take until the end.
 */
function connectionsOf(server: ClosableServer): readonly ClientSocket[] {
  const isList = ({ description }: symbol) => description === 'http.server.connections';
  const name = Object.getOwnPropertySymbols(server).find(isList);
  const list: unknown = name === undefined ? undefined : Reflect.get(server, name);
  if (typeof list !== 'object' || list === null || !('all' in list) || typeof list.all !== 'function') return [];
  const parsers: readonly { readonly socket: ClientSocket | null | undefined }[] = list.all();
  return parsers.flatMap(({ socket }) => socket ?? []);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => systemClock.after(ms, resolve));
}

function turn(): Promise<void> {
  return new Promise((resolve) => systemClock.soon(resolve));
}
