/**
 * Which answers of one origin are followed by a body although they must have none, for example the answer to a HEAD. Some servers
 * send such a body in a write of its own. If it came late, it would be taken for the answer to the next request.
 */

import type { ResponseHead } from '../http1/response-head.js';
import type { CloseReason } from '../observe/reasons.js';
import type { PoolEntry } from './pool-entry.js';

/** The beginning of a 408, with which some servers end an idle connection. */
export const REQUEST_TIMEOUT_TEXT = /^HTTP\/1\.[01] 408/;

const ANSWER_TEXT = /^HTTP\//;

export class LateBodies {
  readonly #statuses = new Set<number>(); // of answers that were followed by one

  answered(entry: PoolEntry, { framing, statusCode }: ResponseHead): void {
    entry.endedWithHead = framing.kind === 'none' ? statusCode : undefined;
  }

  /** Whether a body may follow the last answer. */
  mayFollow({ endedWithHead }: PoolEntry): boolean {
    return endedWithHead !== undefined && this.#statuses.has(endedWithHead);
  }

  closed({ endedWithHead }: PoolEntry, reason: CloseReason, heard: string): void {
    if (endedWithHead !== undefined && isBody(reason, heard)) this.#statuses.add(endedWithHead);
  }
}

/** Whether such a body was the reason. Garbage that begins like an answer, or follows such a beginning, is a bad answer. */
function isBody(reason: CloseReason, heard: string): boolean {
  if (reason === 'garbage') return heard !== '' && !ANSWER_TEXT.test(heard);
  return reason === 'leftover' || (reason === 'poisoned' && !REQUEST_TIMEOUT_TEXT.test(heard));
}
