/**
 * Connections of clients on which a request was refused. Where one request is doubtful, so is where it ends: what
 * follows may be what somebody in front of us took for its body.
 */

import type { IncomingMessage, ServerResponse } from 'node:http';

const distrusted = new WeakSet<object>();

/** Nothing more is taken from the connection of `req`, which its response ends. Streams of HTTP/2 are apart by nature. */
export function distrust(req: IncomingMessage, res: ServerResponse): void {
  if (req.httpVersionMajor > 1) return;
  distrusted.add(req.socket);
  if (!res.headersSent) res.setHeader('Connection', 'close');
}

/** A request before it on its connection was refused. */
export function isDistrusted(req: IncomingMessage): boolean {
  return distrusted.has(req.socket);
}
