/** The connections that a server has accepted. Of most of them Node documents no list. */

import { EventEmitter } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Http2SecureServer, Http2Server } from 'node:http2';
import type { Server as HttpsServer } from 'node:https';
import { Socket } from 'node:net';
import { closeSession } from './http2.js';

/** A server of node:http, node:https or node:http2. */
export type ClosableServer = Server | HttpsServer | Http2Server | Http2SecureServer;

/** By server: its sessions of HTTP/2 on which requests came to a mount. Before Node 24 a server does not know of any. */
const sessions = new WeakMap<object, Set<object>>();

/** To be called for each request of HTTP/2. */
export function noteSession(server: object | undefined, session: object | undefined): void {
  if (server === undefined || !(session instanceof EventEmitter)) return;
  const known = sessions.get(server) ?? new Set();
  if (known.has(session)) return;
  sessions.set(server, known.add(session));
  session.once('close', () => known.delete(session));
}

/** As `server.close()`, but of the idle connections it closes only those that {@link closeIdle} does. */
export function endListening(server: ClosableServer, closed: () => void): void {
  const own = Object.getOwnPropertyDescriptor(server, 'closeIdleConnections');
  Object.defineProperty(server, 'closeIdleConnections', { value: () => undefined, configurable: true });
  server.close(() => closed());
  Reflect.deleteProperty(server, 'closeIdleConnections');
  if (own !== undefined) Object.defineProperty(server, 'closeIdleConnections', own);
  closeIdle(server);
}

/**
 * `closeIdleConnections()` would also close a connection whose client has still to take the end of a response, and since Node 26 one on
 * which no byte has come. Sessions of HTTP/2 are closed as soon as they are idle.
 */
export function closeIdle(server: ClosableServer): void {
  for (const session of sessions.get(server) ?? []) closeSession(session);
  const idle = listed(server, 'idle');
  for (const socket of idle ?? []) if (!socket._httpMessage && !isSilent(socket)) socket.destroy();
  if (idle === undefined && 'closeIdleConnections' in server) server.closeIdleConnections();
}

/** Before Node 26, node:http takes a connection on which no byte has come for one that is busy. */
export function closeSilent(server: ClosableServer): void {
  for (const socket of [...connectionsOf(server), ...socketsOf(server)]) if (isSilent(socket)) socket.destroy();
}

/** Whether no byte has come on it. */
export function isSilent(socket: Socket): boolean {
  return socket.bytesRead === 0;
}

/** Ends all of them. Sessions of HTTP/2, handshakes of TLS, and WebSockets of the app are in no list of the server. */
export function cutOff(server: ClosableServer): void {
  if ('closeAllConnections' in server) server.closeAllConnections();
  for (const socket of socketsOf(server)) socket.destroy();
}

/**
 * The sockets of the kernel that a server has accepted, below TLS. There is no documented way to find them. Where this one is missing, what
 * is not in the server's own list is not cut off.
 */
function socketsOf(server: ClosableServer): readonly Socket[] {
  const list: unknown = Reflect.get(process, '_getActiveHandles')?.call(process);
  return Array.isArray(list) ? list.filter((handle) => Reflect.get(Object(handle), 'server') === server) : [];
}

export interface ClientSocket extends Socket {
  /** The response that is being written to it. */
  readonly _httpMessage?: ServerResponse | null | undefined;
  /** Has the last request that was read from it. */
  readonly parser?: { readonly incoming?: IncomingMessage | null | undefined } | null | undefined;
}

/** The one that the server has accepted, below a socket of TLS. Node does not document it. */
export function socketBelow(secured: Socket): Socket {
  const below: unknown = Reflect.get(secured, '_parent');
  return below instanceof Socket ? below : secured;
}

/**
 * The HTTP/1 connections of a server. Node does not document its list of them. Where it is not found, what was begun by other handlers
 * before does not say that it is the last one.
 */
export function connectionsOf(server: ClosableServer): readonly ClientSocket[] {
  return listed(server, 'all') ?? [];
}

function listed(server: ClosableServer, which: 'all' | 'idle'): readonly ClientSocket[] | undefined {
  const isList = ({ description }: symbol) => description === 'http.server.connections';
  const name = Object.getOwnPropertySymbols(server).find(isList);
  const list: unknown = name === undefined ? undefined : Reflect.get(server, name);
  const read: unknown = Reflect.get(Object(list), which);
  if (typeof read !== 'function') return undefined;
  const parsers: readonly { readonly socket: ClientSocket | null | undefined }[] = read.call(list);
  return parsers.flatMap(({ socket }) => socket ?? []);
}
