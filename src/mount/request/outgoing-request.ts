/** A client's request as the dispatcher takes it. */

import type { IncomingMessage } from 'node:http';
import type { ReplayBody } from '../../body/replay-body.js';
import { declaredIdempotence } from '../../dispatch/idempotence.js';
import type { Announcer, OutgoingRequest, Place, ResponseSink } from '../../dispatch/request.js';
import type { BackendError } from '../../errors.js';
import type { ResolvedHandlerOptions } from '../../options.js';
import type { Mount } from '../mounted-backend.js';
import type { ClientRequest } from './client-request.js';

/** Who wants a request sent. */
export interface Requesting extends ResponseSink, Announcer {
  /** The dispatcher has the request, and tells what becomes of it. */
  isHandedOver: boolean;
}

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

/** The place of a request that waits for a hook, or for its body. `undefined`: no more requests are taken, and this one was refused. */
export function placeOf(req: IncomingMessage, mount: Mount, relay: Requesting): Place | undefined {
  const { dispatching } = mount;
  const place = dispatching.announce(mount.options.timeouts, relay);
  if (place !== undefined) return place;
  relay.isHandedOver = true;
  dispatching.dispatch(unsentOf(req, mount), relay);
  return undefined;
}

/** Fails a request that was not dispatched, with the events of any other. `place`: where it waited, if it did. */
export function failUnsent(
  place: Place | undefined,
  req: IncomingMessage,
  mount: Mount,
  relay: Requesting,
  error: BackendError,
): void {
  relay.isHandedOver = true;
  (place ?? mount.dispatching).fail(unsentOf(req, mount), relay, error);
}

/** A request that is not to be sent: what can be said about it, as it came. */
function unsentOf({ method = '', url = '' }: IncomingMessage, { options }: Mount): OutgoingRequest {
  const { nonIdempotent, timeouts } = options;
  const nothing = { fields: [], host: undefined, body: undefined, idempotent: undefined, acceptsTrailers: false };
  return { method, path: url, nonIdempotent, timeouts, ...nothing };
}
