/**
 * The last request of a client's connection, behind which no more are taken. That is:
 * - one that was refused: if a request is doubtful, so is its end, and what follows may be what somebody in front of us took for its body;
 * - one that said that it is the last one;
 * - one whose server takes no connections any more.
 */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { noteSession } from './accepted-connections.js';
import { closeSession, isHttp2, sessionOf, streamOf } from './http2.js';
import { isLeaving, noteListening, saysFarewell, serverOf } from './leaving-server.js';

/** What node:http notes for a response whose head has `Connection: close`. */
const LAST = '_last';

/** By socket: the last request that is taken from it. */
const lastRequests = new WeakMap<object, IncomingMessage>();

/** By socket: the response to the last request that came behind others in a pipeline, or while its server was leaving. */
const latest = new WeakMap<object, ServerResponse>();

/** Ends the connection with this response of a server that is leaving; or with one that comes behind it in the same pipeline. */
export function endConnectionWith(res: ServerResponse): void {
  if (isHttp2(res.req)) {
    closeSession(sessionOf(streamOf(res)));
    return;
  }
  const { socket } = res.req;
  const before = res.socket === null ? latest.get(socket) : undefined;
  if (before?.headersSent === false) before.removeHeader('Connection');
  if (!res.headersSent) res.setHeader('Connection', 'close');
  latest.set(socket, res);
}

/** Takes nothing more from the connection of `req`; the response to `req` ends it. Streams of HTTP/2 are independent of each other. */
export function distrust(req: IncomingMessage, res: ServerResponse): void {
  if (isHttp2(req)) return;
  lastRequests.set(req.socket, req);
  if (!res.headersSent) res.setHeader('Connection', 'close');
}

/**
 * Notes whether `req` is the last request of its connection. Then a server "MUST NOT process any further requests received on that
 * connection" (RFC 9112 §9.6), though node:http hands them out: their responses would never be sent.
 */
export function noteLast(req: IncomingMessage, res: ServerResponse): void {
  const server = serverOf(req);
  // At the farewell endConnectionWith() has marked each response, and endWithServer() decides which is the last.
  const isLast = saysFarewell(server) ? res.shouldKeepAlive === false : endsConnection(res);
  if (isLast && !isBehindLast(req)) lastRequests.set(req.socket, req);
  if (res.socket === null) latest.set(req.socket, res);
  if (isHttp2(req)) noteSession(server, sessionOf(streamOf(req)));
  noteListening(server);
}

/** The client may have asked for it, or the app, which has set or written `Connection: close`. */
export function endsConnection(res: ServerResponse): boolean {
  if (res.shouldKeepAlive === false || Reflect.get(res, LAST) === true) return true;
  const field = res.getHeader('connection');
  return field !== undefined && /\bclose\b/i.test(String(field));
}

/**
 * Takes nothing behind `req` once its server was told to close: a client that keeps its connection would send its next request and find
 * nobody. A session of HTTP/2 is ended here; for HTTP/1 it returns true, and the response to `req` has to end the connection.
 */
export function endWithServer(req: IncomingMessage): boolean {
  if (!isLeaving(serverOf(req))) return false;
  if (isHttp2(req)) {
    closeSession(sessionOf(streamOf(req))); // before Node 24 no server does it by itself
    return false;
  }
  // What is pipelined behind it is in progress: the responses would be lost.
  const pipelined = latest.get(req.socket);
  if (pipelined !== undefined && pipelined.req !== req && !pipelined.writableFinished) return false;
  lastRequests.set(req.socket, req);
  return true;
}

/**
 * Ends the connection after a response that was begun before its server was told to close, as nginx does: the head of that response could
 * not say so, and the client would send its next request. To be called before the end of the response.
 */
export function endBegunWithServer(req: IncomingMessage, res: ServerResponse): void {
  if (endWithServer(req)) Reflect.set(res, LAST, true);
}

/** Whether an earlier request on the same connection was the last one. */
export function isBehindLast(req: IncomingMessage): boolean {
  return (lastRequests.get(req.socket) ?? req) !== req;
}

/** Whether the connection of `req` was ended behind an earlier answer. Until it is closed, node:http still hands out what it reads. */
export function isBehindEnd({ httpVersionMajor, socket }: IncomingMessage): boolean {
  return httpVersionMajor === 1 && socket.writableEnded;
}
