/** Tells when a client is gone, at whatever stage of its request. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { isHttp2 } from './response-head.js';

const pipelines = new WeakMap<Socket, Set<() => void>>();

/** Calls `gone` when the client has left, and when its response was sent; perhaps more than once. */
export function whenGone(req: IncomingMessage, res: ServerResponse, gone: () => void): void {
  res.on('close', gone);
  if (isHttp2(res)) {
    // node:http2 lets the body of a request whose stream was reset end as if it were whole; this comes before that.
    req.on('aborted', gone);
  } else if (res.socket === null) {
    // Behind another response in a pipeline a response has no socket yet, and hears nothing of its end.
    const pipeline = pipelineOf(req.socket);
    pipeline.add(gone);
    res.once('close', () => pipeline.delete(gone));
  }
}

/** Whom to tell of the end of a connection: one listener for all, for Node warns of a leak from the eleventh on. */
function pipelineOf(socket: Socket): Set<() => void> {
  const known = pipelines.get(socket);
  if (known !== undefined) return known;
  const made = new Set<() => void>();
  pipelines.set(socket, made);
  socket.once('close', () => {
    for (const gone of made) gone();
  });
  return made;
}
