/** What can no more be reset: a stream whose end is on its way. */

import type { Writable } from 'node:stream';

/**
 * The kernel has all that was written, and our FIN goes in this turn of the event loop: libuv refuses to reset then, and Node drops the
 * socket unclosed, so that 'close' never comes.
 */
export function isEnding(stream: Pick<Writable, 'writableEnded' | 'writableFinished' | 'writableLength'>): boolean {
  return stream.writableEnded && !stream.writableFinished && stream.writableLength === 0;
}
