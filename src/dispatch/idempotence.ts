/** Whether a request may be sent again when its outcome is unknown. */

import { fieldValue } from '../http1/fields.js';
import { isIdempotentMethod } from '../http1/method.js';
import type { OutgoingRequest } from './request.js';

// An empty one, with the quotes of its syntax or without, is none: no server finds a repetition by it.
const KEY = /[^\s"]/;

/**
 * What the owner declared, else the method, else an Idempotency-Key, but only where the owner says that the origins
 * de-duplicate by it: the field alone proves nothing about the server. What offers another protocol is none of this.
 */
export function isIdempotent(request: OutgoingRequest, honoursKey: boolean): boolean {
  const { method, idempotent, fields, body, upgrade } = request;
  if (upgrade !== undefined) return false;
  if (idempotent !== undefined) return idempotent;
  if (isIdempotentMethod(method)) return true;
  if (!honoursKey || (body !== undefined && (!body.replayable || body.willBeSpent))) return false;
  return KEY.test(fieldValue(fields, 'idempotency-key') ?? '');
}
