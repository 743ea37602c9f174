/**
 * Reads what an origin said before it hung up on a request that was still being sent: mostly a 413. "A client sending a message body SHOULD
 * monitor the open connection for an error response while it is transmitting" (RFC 9112 §9.5).
 */

import { readSync } from 'node:fs';
import { descriptorOf } from './liveness.js';

const READ_BYTES = 65_536;

// More is cut off: an origin that refuses a request does so in a few words.
const MOST_BYTES = 4 * READ_BYTES;

/**
 * Reads what the kernel still holds for a plain socket that has just refused a write. A tick later Node closes the socket without reading
 * it. `undefined` = nothing.
 */
export function lastWords(socket: object): Buffer | undefined {
  const descriptor = descriptorOf(socket);
  if (descriptor < 0) return undefined;
  const words = Buffer.allocUnsafe(MOST_BYTES);
  let used = 0;
  try {
    while (used < MOST_BYTES) {
      const count = readSync(descriptor, words, used, Math.min(READ_BYTES, MOST_BYTES - used), null);
      if (count === 0) break; // after a FIN, and after a reset, which the refused write has used up: it completes no answer
      used += count;
    }
  } catch {
    // There is no more, or the reset has come.
  }
  return used === 0 ? undefined : Buffer.from(words.subarray(0, used));
}
