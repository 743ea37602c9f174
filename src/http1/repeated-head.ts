/** The response head that was read last: what is the same again, byte for byte, is not read anew. */

import type { ResponseHead } from './response-head.js';

/** A head as it was read. Several responses may share it: nobody may change it. */
export interface ReadHead {
  readonly head: ResponseHead;
  /** In bytes. */
  readonly length: number;
}

const MOST_BYTES = 1_024;

// Of all connections: those of one origin say the same, but for the length and, once a second, the date.
const bytesBefore = Buffer.allocUnsafeSlow(MOST_BYTES);
let before: ReadHead | undefined;

/**
 * What was read out of the same bytes before, if they begin at `from` and end in front of `end`. 0.3 µs in the place of 2.0
 * for a response of 6 fields (bench/micro).
 */
export function recall(bytes: Buffer, from: number, end: number, method: string): ReadHead | undefined {
  if (before === undefined || end - from < before.length || !isPlain(method)) return undefined;
  const isSame = bytesBefore.compare(bytes, from, from + before.length, 0, before.length) === 0;
  return isSame ? before : undefined;
}

/** Keeps what was read out of these bytes, where nobody needs to know how they were read. */
export function remember(bytes: Buffer, from: number, end: number, method: string, head: ResponseHead): void {
  const { framing, statusCode } = head;
  const isWhole = framing.kind === 'length' || framing.kind === 'none'; // llhttp itself reads what comes in chunks
  if (end - from > MOST_BYTES || !isWhole || statusCode < 200 || !isPlain(method)) return;
  bytes.copy(bytesBefore, 0, from, end);
  before = { head, length: end - from };
}

/** With these two a head says something else (RFC 9112 §6.3). */
function isPlain(method: string): boolean {
  return method !== 'HEAD' && method !== 'CONNECT';
}
