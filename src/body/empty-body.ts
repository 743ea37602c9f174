/** The body of a request that has none. */

import type { RequestFraming } from '../http1/request-head.js';
import { MemoryBody } from './memory-body.js';
import type { ReplayBody } from './replay-body.js';

const NO_BYTES = new Uint8Array(0);
const MEANT_TO_HAVE_CONTENT: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH', 'QUERY']);

/** Whether no byte of a body will come. */
export function isEmpty(framing: RequestFraming): boolean {
  return framing.kind === 'none' || (framing.kind === 'length' && framing.bytes === 0);
}

/**
 * `undefined`, or a body of zero bytes: if the requester has said that it is so long, or the method is meant to have content. Servers wait
 * for that, or answer 411, unless Content-Length says 0 (RFC 9110 §8.6).
 */
export function emptyBody(method: string, hasLength: boolean): ReplayBody | undefined {
  return hasLength || MEANT_TO_HAVE_CONTENT.has(method) ? new MemoryBody(NO_BYTES) : undefined;
}
