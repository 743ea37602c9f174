/** Ends a session of HTTP/2 before node:http2 refuses its requests because of responses that its client has given up. */

import { Duplex } from 'node:stream';
import { closeSession, sessionOf } from './http2.js';

/**
 * When a stream is reset, node:http2 goes on counting its unsent bytes as memory of the session, for ever (seen up to Node 26).
 * Once a session has more than `maxSessionMemory`, by default 10 MB, each new request is reset with ENHANCE_YOUR_CALM.
 */
const MOST_LOST_BYTES = 5_000_000;

/** By session: unsent bytes of its streams that were reset. */
const lost = new WeakMap<object, number>();

/** To be called while the stream has its session. */
export function countWhenReset(stream: object | undefined): void {
  const session = stream && sessionOf(stream);
  if (!(stream instanceof Duplex) || session === undefined) return;
  let unsent = 0;
  const destroy = stream._destroy;
  // Read before 'close': by then, from Node 24 on, the stream has forgotten its unsent bytes.
  stream._destroy = (error, done) => {
    unsent = stream.writableLength;
    destroy.call(stream, error, done);
  };
  stream.once('close', () => {
    if (unsent === 0) return;
    const bytes = (lost.get(session) ?? 0) + unsent;
    lost.set(session, bytes);
    if (bytes > MOST_LOST_BYTES) closeSession(session);
  });
}
