/**
 * Connections of clients on which no more requests are taken: behind one that was refused, for where one request is doubtful
 * so is where it ends, and what follows may be what somebody in front of us took for its body; and behind one that said
 * that it is the last.
 */

import type { IncomingMessage, ServerResponse } from 'node:http';

/** By socket: the last request that is taken from it. */
const lastRequests = new WeakMap<object, IncomingMessage>();

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
}

/** A request before it on its connection was the last one. */
export function isBehindLast(req: IncomingMessage): boolean {
  return (lastRequests.get(req.socket) ?? req) !== req;
}
