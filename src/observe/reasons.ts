/** Why things happened, in one word each: what events tell, and by what `stats()` counts. */

import type { ErrorCode } from '../errors.js';

/** Why a connection was closed. `docs/observability.md` explains each. */
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

/** Why a request was sent again. `docs/observability.md` explains each. */
export type ResendReason =
  /** Nothing was sent: this is safe for every method. */
  | 'unsent'
  /** A reused connection closed as we sent: the keep-alive race. */
  | 'reused-closed'
  | 'fresh-closed'
  | 'partial-head'
  | 'headers-timeout'
  /** The origin's idle timer answered 408 as we sent. */
  | 'idle-408'
  /** A status in `retryOn`. */
  | 'status';

/**
 * Why a request was refused by the queue.
 * - `full`: no room.
 * - `hopeless`: the expected wait was more than twice the time left.
 * - `displaced`: it had waited for more than half of its time and, under overload, made room for a newer request.
 * - `timeout`: it waited for `queueTimeout`.
 */
export type RefusalReason = 'full' | 'hopeless' | 'displaced' | 'timeout';

/**
 * Why an origin was ejected: what requests to it or dials failed with, a status listed in `ejection.statuses`, or, by the windows of
 * `ejection.outliers`, `low_success_rate` or `slow`.
 */
export type EjectionReason = ErrorCode | `status_${number}` | 'low_success_rate' | 'slow';

/**
 * The result of a health check: the status of the response, `open` (TCP), `secure` (TLS), `timeout`, `unexpected_answer` (not what
 * `expect` wants), `expect_failed` (your function threw), or the code of the error.
 */
export type CheckResult =
  | ErrorCode
  | `status_${number}`
  | 'open'
  | 'secure'
  | 'timeout'
  | 'unexpected_answer'
  | 'expect_failed';

/** Why an origin is down: `check_` and the {@link CheckResult} of its last check, for example `check_status_503`. */
export type DownReason = `check_${string}`;
