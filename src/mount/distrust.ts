/**
 * Connections of clients on which no more requests are taken: behind one that was refused, for where one request is doubtful
 * so is where it ends, and what follows may be what somebody in front of us took for its body; behind one that said
 * that it is the last; and behind one whose server takes no connections any more.
 */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { streamOf } from './http2.js';

/** By socket: the last request that is taken from it. */
const lastRequests = new WeakMap<object, IncomingMessage>();

/** By socket: the response to the last request that came behind others. */
const lastPipelined = new WeakMap<object, ServerResponse>();

/** Servers that were seen to listen: one that never does gets its connections from somebody else, and is not closing. */
const listened = new WeakSet<object>();

/** Nothing more is taken from the connection of `req`, which its response ends. Streams of HTTP/2 are apart by nature. */
export function distrust(req: IncomingMessage, res: ServerResponse): void {
  if (req.httpVersionMajor > 1) return;
  lastRequests.set(req.socket, req);
  if (!res.headersSent) res.setHeader('Connection', 'close');
}

/**
 * Looks whether `req` is the last of its connection: it "MUST NOT process any further requests received on that connection"
 * (RFC 9112 §9.6), though node:http hands them out. Their responses would never be sent.
 */
export function noteLast(req: IncomingMessage, res: ServerResponse): void {
  if (res.shouldKeepAlive === false && !isBehindLast(req)) lastRequests.set(req.socket, req);
  if (res.socket === null) lastPipelined.set(req.socket, res);
  const server = serverOf(req);
  if (server !== undefined && !listened.has(server) && isListening(server)) listened.add(server);
}

/** That of node:http; a socket that is none of the kernel's may have none. */
function serverOf({ socket }: { readonly socket: object }): object | undefined {
  const server = 'server' in socket ? socket.server : undefined;
  return typeof server === 'object' && server !== null ? server : undefined;
}

function isListening(server: object): boolean {
  return 'listening' in server && server.listening === true;
}

/**
 * Takes nothing behind `req` once its server was told to close: a client that keeps its connection would come again and find
 * nobody. Returns whether its response is to end the connection; a session of HTTP/2 is ended here.
 */
export function noteLastOfServer(req: IncomingMessage): boolean {
  const server = serverOf(req);
  if (server === undefined || isListening(server) || !listened.has(server)) return false;
  if (req.httpVersionMajor > 1) {
    closeSession(req);
    return false;
  }
  // What is pipelined behind it is under way: its responses would be lost.
  const pipelined = lastPipelined.get(req.socket);
  if (pipelined !== undefined && pipelined.req !== req && !pipelined.writableFinished) return false;
  lastRequests.set(req.socket, req);
  return true;
}

/**
 * Ends the connection behind a response that was begun before its server was told to close, as nginx does: its head could not
 * say so, and the client would come again. To be called before its end.
 */
export function endLastOfServer(req: IncomingMessage, res: ServerResponse): void {
  if (noteLastOfServer(req)) Reflect.set(res, '_last', true); // what node:http notes for `Connection: close`
}

/** By GOAWAY: what is under way is answered, what comes later is refused unseen. Before Node 24 no server says it by itself. */
function closeSession(req: IncomingMessage): void {
  const session: unknown = Reflect.get(Object(streamOf(req)), 'session');
  const close: unknown = Reflect.get(Object(session), 'close');
  if (typeof close === 'function') close.call(session);
}

/** A request before it on its connection was the last one. */
export function isBehindLast(req: IncomingMessage): boolean {
  return (lastRequests.get(req.socket) ?? req) !== req;
}
