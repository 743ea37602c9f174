/** Counts what a client has sent and taken so far. While none of this changes, the client is silent. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { isHttp2, streamOf } from './http2.js';

/** The counters at one moment. */
export interface ClientBytes {
  readonly given: number;
  readonly taken: number;
  /** Bytes that wait for the client. */
  readonly queued: number;
}

/** `written`: bytes of the response that were handed to `res` so far. */
export function clientBytes(req: IncomingMessage, res: ServerResponse, written: number): ClientBytes {
  const pending = res.writableLength;
  // Nothing else on a connection of HTTP/2 (pings, other streams) is a sign of life of this stream.
  if (isHttp2(res.req)) return { given: receiveWindow(req), taken: written - pending, queued: pending };
  const { socket } = req;
  const sent = socket.bytesWritten ?? 0;
  return { given: socket.bytesRead ?? 0, taken: sent - pending, queued: kernelQueue(socket) ?? pending };
}

/** Bytes that the client may send before it needs permission to send more. Each byte that comes changes the number (RFC 9113 §5.2). */
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
