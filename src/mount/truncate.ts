/** Ends a response that will not be complete, so that the client can tell. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { isHttp2, streamOf } from './http2.js';

const HTTP2_INTERNAL_ERROR = 2;

export function truncate(req: IncomingMessage, res: ServerResponse): void {
  if (isHttp2(res)) {
    resetStream(res);
    return;
  }
  const { socket } = req;
  // Such a body looks complete however early it ends, but for a reset. On TLS the missing close_notify tells, and
  // resetAndDestroy() throws.
  if (endsWithClose(res) && Reflect.get(socket, 'encrypted') !== true && typeof socket.resetAndDestroy === 'function') {
    socket.resetAndDestroy();
  }
  res.destroy();
}

/**
 * Only the end of the connection marks the end of this body. By the head that was written: a hook, a middleware or the origin's
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
