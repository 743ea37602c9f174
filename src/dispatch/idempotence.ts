/** Whether a request may be sent again when its outcome is unknown. */

import { fieldValue } from '../http1/fields.js';
import { isIdempotentMethod } from '../http1/method.js';
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
