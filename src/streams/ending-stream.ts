/** Recognises a stream that can no longer be reset, because its end is on its way. */

import type { Writable } from 'node:stream';

/**
 * True if the kernel has all that was written, and our FIN goes out in this turn of the event loop. libuv refuses to reset such a socket,
 * and Node then drops it without closing it, so that 'close' never comes.
 */
export function isEnding(stream: Pick<Writable, 'writableEnded' | 'writableFinished' | 'writableLength'>): boolean {
  return stream.writableEnded && !stream.writableFinished && stream.writableLength === 0;
}
