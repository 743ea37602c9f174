/** Whether a request may be sent again when its outcome is unknown. */

import type { RequestFacts } from '../balance/balancer.js';
import { BackendError } from '../errors.js';
import { inHookAtOnce } from '../hook.js';
import { fieldValue } from '../http1/fields.js';
import { isIdempotentMethod } from '../http1/method.js';
import type { IdempotentOption } from '../options.js';
import type { OutgoingRequest } from './request.js';

// An empty key, with or without the quotes of its syntax, does not count: no server can recognise a repeated request by it.
const KEY = /[^\s"]/;

/**
 * The owner's declaration decides, else the method, else an Idempotency-Key. The key counts only if the owner says that the origins
 * de-duplicate by it: the field alone proves nothing about the server. A request that offers another protocol is never idempotent.
 */
export function isIdempotent(request: OutgoingRequest, honoursKey: boolean): boolean {
  const { method, idempotent, fields, body, upgrade } = request;
  if (upgrade !== undefined) return false;
  if (idempotent !== undefined) return idempotent;
  if (isIdempotentMethod(method)) return true;
  if (!honoursKey || (body !== undefined && (!body.replayable || body.willBeSpent))) return false;
  return KEY.test(fieldValue(fields, 'idempotency-key') ?? '');
}

/**
 * What the user's `idempotent` option says about a request. `undefined` leaves it to the method. Only `true` and `false` are a yes or a
 * no: a promise would be a yes to every POST.
 * @throws BackendError `proxy_internal_error` when the hook throws, or returns anything else
 */
export function declaredIdempotence(judge: IdempotentOption | undefined, request: RequestFacts): boolean | undefined {
  if (judge === undefined) return undefined;
  const said: unknown = inHookAtOnce('idempotent', () => judge(request));
  if (said === undefined || typeof said === 'boolean') return said;
  const given = said === null ? 'null' : `a value of type ${typeof said}`;
  throw new BackendError(
    'proxy_internal_error',
    `the idempotent hook must return true, false or undefined, got ${given}`,
  );
}
