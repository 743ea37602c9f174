/** Tells when a client is gone, at whatever stage of its request. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { isHttp2 } from './response-head.js';

/** Calls `gone` when the client has left, and when its response was sent; perhaps more than once. */
export function whenGone(req: IncomingMessage, res: ServerResponse, gone: () => void): void {
  res.on('close', gone);
  if (isHttp2(res)) {
    // node:http2 lets the body of a request whose stream was reset end as if it were whole; this comes before that.
    req.on('aborted', gone);
  } else if (res.socket === null) {
    // Behind another response in a pipeline a response has no socket yet, and hears nothing of its end.
    const { socket } = req;
    socket.once('close', gone);
    res.once('close', () => socket.off('close', gone));
  }
}
