/** A client's request as the dispatcher takes it. */

import type { ReplayBody } from '../dispatch/replay-body.js';
import type { OutgoingRequest } from '../dispatch/request.js';
import type { ResolvedHandlerOptions } from '../options.js';
import type { ClientRequest } from './client-request.js';
import { declaredIdempotence } from './declared-idempotence.js';

/** @throws BackendError `proxy_internal_error` when the `idempotent` hook throws, or gives no answer */
export function outgoingRequest(
  { method, path, fields, host, acceptsTrailers, boundTo }: ClientRequest,
  body: ReplayBody | undefined,
  { nonIdempotent, timeouts, idempotent: judge }: ResolvedHandlerOptions,
  expectTimeout: number | undefined,
): OutgoingRequest {
  // Name by name: putting it together from two objects by a spread takes 1.5 µs (bench/micro).
  return {
    method,
    path,
    fields,
    host,
    body,
    acceptsTrailers,
    boundTo,
    idempotent: judge === undefined ? undefined : declaredIdempotence(judge, { method, path, fields }),
    nonIdempotent,
    timeouts,
    expectTimeout,
  };
}
