/** Whether a request may be sent again when nobody knows what became of it. */

import { fieldValue } from '../http1/fields.js';
import { isIdempotentMethod } from '../http1/method.js';
import type { OutgoingRequest } from './request.js';

/**
 * What the owner declared, else the method, else an Idempotency-Key, but only where the owner says that the origins
 * de-duplicate by it: the field alone proves nothing about the server.
 */
export function isIdempotent({ method, idempotent, fields, body }: OutgoingRequest, honoursKey: boolean): boolean {
  if (idempotent !== undefined) return idempotent;
  if (isIdempotentMethod(method)) return true;
  return honoursKey && body?.replayable !== false && fieldValue(fields, 'idempotency-key') !== undefined;
}
