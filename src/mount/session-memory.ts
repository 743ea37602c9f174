/** Ends a session of HTTP/2 before node:http2 refuses its requests for bytes that it has long given up. */

import { Duplex } from 'node:stream';

/**
 * What a stream has not sent when it is reset node:http2 never takes off the account of its session (seen up to Node 26). Once
 * that is above `maxSessionMemory`, by default 10 MB, each new request is reset with ENHANCE_YOUR_CALM.
 */
const MOST_LOST_BYTES = 5_000_000;

/** By session: bytes of its account that are lost. */
const lost = new WeakMap<object, number>();

/** To be called while the stream has its session. */
export function countWhenReset(stream: object | undefined): void {
  const session = stream && sessionOf(stream);
  if (!(stream instanceof Duplex) || session === undefined) return;
  let unsent = 0;
  const destroy = stream._destroy;
  // From Node 24 on, the stream has forgotten its unsent bytes before 'close', and a response that has ended tells nothing earlier.
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

/** That of a stream that is not over. */
export function sessionOf(stream: object | undefined): object | undefined {
  const session: unknown = Reflect.get(Object(stream), 'session');
  return typeof session === 'object' && session !== null ? session : undefined;
}

/** By GOAWAY: what is under way is answered, and what comes later is refused unseen, so that the client sends it again elsewhere. */
export function closeSession(session: object | undefined): void {
  const close: unknown = Reflect.get(Object(session), 'close');
  if (typeof close === 'function') close.call(session);
}
