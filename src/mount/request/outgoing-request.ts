/** A client's request as the dispatcher takes it. */

import type { IncomingMessage } from 'node:http';
import type { ReplayBody } from '../../body/replay-body.js';
import { declaredIdempotence } from '../../dispatch/idempotence.js';
import type { OutgoingRequest } from '../../dispatch/request.js';
import type { ResolvedHandlerOptions } from '../../options.js';
import type { ClientRequest } from './client-request.js';

/**
 * Completes `request` and returns it, so that a request is one object from its head to its end.
 * @throws BackendError `proxy_internal_error` when the `idempotent` hook throws, or gives no valid answer
 */
export function outgoingRequest(
  request: ClientRequest,
  body: ReplayBody | undefined,
  { idempotent: judge }: Pick<ResolvedHandlerOptions, 'idempotent'>,
  expectTimeout: number | undefined,
): OutgoingRequest {
  const { method, path, fields } = request;
  request.body = body;
  request.expectTimeout = expectTimeout;
  if (judge !== undefined) request.idempotent = declaredIdempotence(judge, { method, path, fields });
  return request;
}

/** A request that is not to be sent: what can be said about it, as it came. */
export function unsentRequest(
  { method = '', url = '' }: IncomingMessage,
  { nonIdempotent, timeouts }: Pick<ResolvedHandlerOptions, 'nonIdempotent' | 'timeouts'>,
): OutgoingRequest {
  const nothing = { fields: [], host: undefined, body: undefined, idempotent: undefined, acceptsTrailers: false };
  return { method, path: url, nonIdempotent, timeouts, ...nothing };
}
