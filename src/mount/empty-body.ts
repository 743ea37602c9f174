/** The body of a request that has none. */

import { ReplayBody } from '../dispatch/replay-body.js';

const NOTHING = new Uint8Array(0);
const MEANT_TO_HAVE_CONTENT: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH']);

/**
 * Nothing, or zero bytes where the method means content to be there: servers wait for it, or answer 411, unless
 * Content-Length says 0 (RFC 9110 §8.6).
 */
export function absentBody(method: string): ReplayBody | undefined {
  return MEANT_TO_HAVE_CONTENT.has(method) ? emptyBody() : undefined;
}

export function emptyBody(): ReplayBody {
  return ReplayBody.ofBytes(NOTHING);
}
