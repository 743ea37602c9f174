/** Why a connection that has just been opened must not be used: a server that speaks or leaves before it is asked is no HTTP server. */

import type { Dialled } from '../connection/dial.js';
import { BackendError } from '../errors.js';

/**
 * `undefined` = the connection may be used. The event loop may be late: what the server has sent by now is in the kernel, unread.
 * Bytes that belong to TLS, such as session tickets, do not count.
 */
export function newConnectionError(origin: string, dialled: Dialled, secure: boolean): BackendError | undefined {
  const found = dialled.spokeFirst ? 'poisoned' : secure ? 'unknown' : dialled.askKernel?.().name;
  if (found === 'poisoned') {
    const message = `${origin} spoke before it was asked: it is no HTTP server`;
    return new BackendError('http_protocol_error', message, { origin });
  }
  if (found !== 'stale') return undefined;
  return new BackendError('connection_terminated', `${origin} closed a connection as soon as it was open`, { origin });
}
