/** What a client has given and taken so far: where nothing of it changes, the client is silent. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { isHttp2, streamOf } from './http2.js';

/** Counters at one look. */
export interface ClientBytes {
  readonly given: number;
  readonly taken: number;
  /** Bytes that wait for it. */
  readonly queued: number;
}

/** `written`: bytes of the response that were handed to `res` so far. */
export function clientBytes(req: IncomingMessage, res: ServerResponse, written: number): ClientBytes {
  const pending = res.writableLength;
  // Whatever else a connection of HTTP/2 carries is no sign of life of this stream: pings, other streams.
  if (isHttp2(res)) return { given: receiveWindow(req), taken: written - pending, queued: pending };
  const { socket } = req;
  const sent = socket.bytesWritten ?? 0;
  return { given: socket.bytesRead ?? 0, taken: sent - pending, queued: kernelQueue(socket) ?? pending };
}

/** Bytes that the client may send before it is given leave to send more: each byte that comes changes it (RFC 9113 §5.2). */
function receiveWindow(req: IncomingMessage): number {
  const stream = streamOf(req);
  if (stream === undefined) return 0;
  const state: unknown = Reflect.get(stream, 'state');
  if (typeof state !== 'object' || state === null || !('localWindowSize' in state)) return 0;
  return typeof state.localWindowSize === 'number' ? state.localWindowSize : 0;
}

/** Bytes that the kernel has not taken yet. One large write to a slow client shrinks here long before it is done. */
function kernelQueue(socket: object): number | undefined {
  const handle: unknown = Reflect.get(socket, '_handle');
  if (typeof handle !== 'object' || handle === null) return undefined;
  const size: unknown = Reflect.get(handle, 'writeQueueSize');
  return typeof size === 'number' ? size : undefined;
}
