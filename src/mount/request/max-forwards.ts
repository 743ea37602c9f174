/** Requests that go no further than here, and Max-Forwards (RFC 9110 §7.6.2): how many hops an OPTIONS or a TRACE may still go. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { answerHere, answerUnsupported } from '../../client/error-answer.js';
import { fieldsOf } from '../../client/injected-request.js';
import { fieldValues, isNamed } from '../../http1/fields.js';

/** "A recipient MAY ignore a Max-Forwards header field received with any other request methods." */
function counts(method: string | undefined): boolean {
  return method === 'OPTIONS' || method === 'TRACE';
}

/** Answers a request that is not to be sent on. Returns false for any other. */
export function tryAnswerHere(req: IncomingMessage, res: ServerResponse): boolean {
  const { method } = req;
  if (method === 'CONNECT') answerUnsupported(res, method);
  else if (!endsHere(req)) return false;
  // "as the final recipient". This one has no options for the origin's resources, and no use for TRACE.
  else if (method === 'OPTIONS') answerHere(req, res);
  else answerUnsupported(res, 'TRACE');
  return true;
}

/** "If the received value is zero (0), the intermediary MUST NOT forward the request". */
function endsHere(req: IncomingMessage): boolean {
  return counts(req.method) && fieldValues(fieldsOf(req), 'max-forwards').some((value) => /^0+$/.test(value));
}

/** Counts this hop, in place. A value that is not a number stays as it is. */
export function countHop(method: string, fields: string[]): void {
  if (!counts(method)) return;
  for (let i = 0; i < fields.length; i += 2) {
    const value = fields[i + 1] ?? '';
    // "the received field value decremented by one (1)", or "the recipient's maximum supported value".
    if (isNamed(fields[i], 'max-forwards') && /^[0-9]+$/.test(value)) {
      fields[i + 1] = String(Math.min(Number(value) - 1, Number.MAX_SAFE_INTEGER));
    }
  }
}
