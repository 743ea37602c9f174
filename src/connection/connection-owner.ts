/** The lender of a connection, and what it is told. */

import type { ResponseHead } from '../http1/response-head.js';
import type { Connection } from './connection.js';

/** Why a connection was closed; the keys of `stats().origins[].closed`. */
export type CloseReason =
  | 'idle-timeout'
  | 'stale'
  | 'poisoned'
  | 'server-close'
  | 'leftover'
  | 'unfinished-request'
  | 'max-requests'
  | 'max-age'
  | 'made-room'
  | 'spare-expired'
  | 'shrunk'
  | 'check-failed'
  | 'aborted'
  | 'silent'
  | 'failed'
  | 'timeout'
  | 'garbage'
  | 'upgraded'
  | 'drained'
  | 'destroyed';

/** The lender of the connection. */
export interface ConnectionOwner {
  /** An exchange ended clean and both sides persist: lend it on, as soon as `isAlive()`. */
  reusable(connection: Connection): void;
  /** The socket is closed or closing. `heard` has the beginning of stray bytes, and of garbage that came in one read. Called once. */
  closed(connection: Connection, reason: CloseReason, heard: string): void;
  /** Every final head, for the fields that tell how long the origin keeps connections. */
  headReceived(connection: Connection, head: ResponseHead): void;
}
