/** Ends a response that will not be complete, so that the client can tell. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { isEnding } from '../streams/ending-stream.js';
import { isHttp2, streamOf } from './http2.js';
import { standsBehindOthers } from './writes.js';

const HTTP2_INTERNAL_ERROR = 2;

export function truncate(req: IncomingMessage, res: ServerResponse): void {
  if (isHttp2(res.req)) {
    resetStream(res);
    return;
  }
  // Unless it ends with a reset, such a body looks complete, however early it ends.
  if (endsWithClose(res) && !standsBehindOthers(res)) breakOff(req.socket);
  destroyInTurn(res);
}

/**
 * Destroys a response and its client's connection. One that stands behind others does so instead of being sent: from Node 24 on, node:http
 * would send what it has of it, and leave the client waiting for the rest for ever.
 */
export function destroyInTurn(res: ServerResponse): void {
  if (standsBehindOthers(res)) res.once('socket', (socket: Socket) => void socket.destroy());
  res.destroy();
}

/**
 * Closes the connection of a client so that the response does not look complete: by a reset, where there is one. On TLS the missing
 * close_notify tells.
 */
export function breakOff(socket: Duplex): void {
  try {
    if (socket instanceof Socket && !socket.destroyed && !isEnding(socket)) socket.resetAndDestroy();
  } catch {
    // It is not plain TCP, but TLS or a unix socket.
  }
  socket.destroy();
}

/**
 * Whether only the end of the connection marks the end of this body. The written head decides, because a hook, a middleware or the origin's
 * Connection field may have taken Content-Length out of it.
 */
function endsWithClose(res: ServerResponse): boolean {
  const head: unknown = Reflect.get(res, '_header');
  return typeof head === 'string' && !res.chunkedEncoding && !/\r\ncontent-length:/i.test(head);
}

function resetStream(res: ServerResponse): void {
  const stream = streamOf(res);
  const close: unknown = stream && Reflect.get(stream, 'close');
  if (typeof close === 'function') close.call(stream, HTTP2_INTERNAL_ERROR);
  else res.destroy();
}
