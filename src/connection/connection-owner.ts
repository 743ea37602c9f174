/** The lender of a connection, and what it is told. */

import type { ResponseHead } from '../http1/response-head.js';
import type { CloseReason } from '../observe/reasons.js';

/** The lender of the connection. */
export interface ConnectionOwner {
  /** An exchange has ended cleanly, and both sides keep the connection: it may be lent again as soon as it is found alive. */
  reusable(): void;
  /**
   * The socket is closed or closing. `heard` is the beginning of stray bytes, or of garbage if that came in the first read. Called once.
   */
  closed(reason: CloseReason, heard: string): void;
  /** Called for every final head, because its fields may tell how long the origin keeps connections. */
  answered(head: ResponseHead): void;
}
