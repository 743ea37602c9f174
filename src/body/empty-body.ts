/** The body of a request that has none. */

import type { RequestFraming } from '../http1/request-head.js';
import { MemoryBody } from './memory-body.js';
import type { ReplayBody } from './replay-body.js';

const NOTHING = new Uint8Array(0);
const MEANT_TO_HAVE_CONTENT: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH', 'QUERY']);

/**
 * `undefined`, or a body of zero bytes for a method that is meant to have content: servers wait for the content, or answer 411, unless
 * Content-Length says 0 (RFC 9110 §8.6).
 */
export function absentBody(method: string): ReplayBody | undefined {
  return MEANT_TO_HAVE_CONTENT.has(method) ? emptyBody() : undefined;
}

/** Whether no byte of a body will come. */
export function isEmpty(framing: RequestFraming): boolean {
  return framing.kind === 'none' || (framing.kind === 'length' && framing.bytes === 0);
}

/** The body of a request whose framing {@link isEmpty}. */
export function nothingOf(method: string, framing: RequestFraming): ReplayBody | undefined {
  return framing.kind === 'none' ? absentBody(method) : emptyBody();
}

export function emptyBody(): ReplayBody {
  return new MemoryBody(NOTHING);
}
