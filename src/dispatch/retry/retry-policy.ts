/** When a request is sent again: a pure function of what is known about the attempt that ended. */

import type { Progress } from '../../errors.js';
import type { ResendReason } from '../../observe/reasons.js';
import type { RetryCondition } from '../../options.js';

/**
 * How an attempt ended.
 * - `closed`: closed or reset before any byte of the final response, perhaps before anything was sent
 * - `partial-head`: closed or reset inside the response head
 * - `bad-response`: what came is not a response that may be forwarded
 * - `send-timeout`, `headers-timeout`: the origin stopped taking the request, or never answered it
 * - `status`: a complete final head is here, not forwarded yet
 * - `truncated`: closed, reset or timed out after the head
 * - `request-failed`: the request's own body failed, or its requester left
 */
export type AttemptEnding =
  | 'closed'
  | 'partial-head'
  | 'bad-response'
  | 'send-timeout'
  | 'headers-timeout'
  | 'status'
  | 'truncated'
  | 'request-failed';

/** The statuses that may lead to a re-send; the others need no judgement. */
export const JUDGED_STATUSES: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);

/** All that the decision depends on. */
export interface RetryFacts {
  readonly ending: AttemptEnding;
  /** Of the final head; with the ending `status`. */
  readonly status?: number | undefined;
  /** Milliseconds from now that its Retry-After asks to wait. `undefined` = none, or unreadable. */
  readonly retryAfterMs?: number | undefined;
  /**
   * The resolved answer: by method, overridden by what the owner or the call declared, true for a request with an
   * Idempotency-Key and a replayable body where the owner says that the origins honour it, and false for an upgrade.
   */
  readonly idempotent: boolean;
  /** The connection had carried a request before. */
  readonly reused: boolean;
  readonly sent: Progress;
  readonly headForwarded: boolean;
  /** Bytes of the body that were given out are not kept any more. */
  readonly bodySpent: boolean;
  /** Exchanges begun for this request, the one that ended included. */
  readonly attempts: number;
  readonly maxAttempts: number;
  /** Re-sends of this request so far whose verdict said `ambiguous`. */
  readonly ambiguousResends: number;
  /** What the owner has opted into, for idempotent requests. */
  readonly retryOn: readonly RetryCondition[];
  /** Until the request's own deadline; `Infinity` = none, 0 or less = passed. */
  readonly timeLeftMs: number;
}

/** Why a request is not sent again. */
export type FinalReason =
  | 'answered'
  | 'head-forwarded'
  | 'not-idempotent'
  | 'request-failed'
  | 'bad-response'
  | 'truncated'
  /** A timeout that `retryOn` does not list. */
  | 'timed-out'
  | 'body-spent'
  /** The request was sent again once already with the outcome unknown. */
  | 'ambiguous-before'
  /** Retry-After asks for more than a second. */
  | 'retry-after-too-long'
  | 'attempts-exhausted'
  | 'deadline-passed'
  | 'budget-empty';

export interface Resend {
  readonly retry: true;
  readonly reason: ResendReason;
  /** The origin may have processed the attempt that ended. Allowed once for each request; the caller counts. */
  readonly ambiguous: boolean;
  /**
   * The origin is at fault, rather than the keep-alive race. Another origin is preferred, and the re-send costs a token of the budget; if
   * there is none, {@link withoutToken} gives the verdict.
   */
  readonly isFault: boolean;
  readonly countsAgainstHealth: boolean;
  /** Milliseconds to wait before the re-send. */
  readonly delayMs: number;
}

export interface Final {
  readonly retry: false;
  readonly reason: FinalReason;
  readonly countsAgainstHealth: boolean;
}

export type Verdict = Resend | Final;

const LONGEST_DELAY_MS = 1000;

/** Decides what becomes of a request whose attempt has ended, and gives the reason. */
export function judgeRetry(facts: RetryFacts): Verdict {
  const found = judge(facts);
  if (typeof found === 'string') return final(facts, found);
  if (facts.attempts >= facts.maxAttempts) return final(facts, 'attempts-exhausted');
  if (facts.timeLeftMs <= found.delayMs) return final(facts, 'deadline-passed');
  return found;
}

/** The verdict if a re-send costs a token and the budget has none. */
export function withoutToken(facts: RetryFacts): Final {
  return final(facts, 'budget-empty');
}

function judge(facts: RetryFacts): Resend | FinalReason {
  if (facts.headForwarded) return 'head-forwarded';
  return facts.sent === 'nothing' ? judgeUnsent(facts) : judgeSent(facts);
}

/** Nothing reached the kernel, so the origin cannot have processed it: neither the method nor a spent body matters. */
function judgeUnsent(facts: RetryFacts): Resend | FinalReason {
  if (facts.ending === 'request-failed') return 'request-failed';
  return resend(facts, 'unsent');
}

function judgeSent(facts: RetryFacts): Resend | FinalReason {
  const reason = reasonOf(facts);
  if (!isResendReason(reason)) return reason;
  // RFC 9110 §9.2.2: no automatic retry "unless it has some means to know that the request semantics are actually idempotent".
  if (!facts.idempotent) return 'not-idempotent';
  if (facts.bodySpent) return 'body-spent';
  if (TRAITS[reason].ambiguous && facts.ambiguousResends > 0) return 'ambiguous-before';
  if (reason === 'status' && (facts.retryAfterMs ?? 0) > LONGEST_DELAY_MS) return 'retry-after-too-long';
  return resend(facts, reason);
}

function reasonOf(facts: RetryFacts): ResendReason | FinalReason {
  switch (facts.ending) {
    case 'closed':
      return facts.reused ? 'reused-closed' : 'fresh-closed';
    case 'headers-timeout':
      return facts.retryOn.includes('headers-timeout') ? 'headers-timeout' : 'timed-out';
    case 'send-timeout':
      return 'timed-out';
    case 'status':
      if (facts.status === 408 && facts.reused) return 'idle-408';
      return facts.retryOn.some((wanted) => wanted === facts.status) ? 'status' : 'answered';
    case 'partial-head':
    case 'bad-response':
    case 'truncated':
    case 'request-failed':
      return facts.ending;
  }
}

interface ResendTraits {
  /** The attempt that ended may have been processed. */
  readonly ambiguous: boolean;
  /** On a reused connection this is the keep-alive race, not a fault of the origin. */
  readonly race: boolean;
}

const TRAITS: Readonly<Record<ResendReason, ResendTraits>> = {
  unsent: { ambiguous: false, race: true },
  'reused-closed': { ambiguous: true, race: true },
  'fresh-closed': { ambiguous: true, race: false },
  // Half a head means that the origin broke while it answered, not that it hung up while we sent.
  'partial-head': { ambiguous: true, race: false },
  'headers-timeout': { ambiguous: true, race: false },
  // A 408 hints that nothing was processed, and proves nothing.
  'idle-408': { ambiguous: true, race: true },
  status: { ambiguous: false, race: false },
};

function isResendReason(reason: ResendReason | FinalReason): reason is ResendReason {
  return reason in TRAITS;
}

function resend(facts: RetryFacts, reason: ResendReason): Resend {
  const { ambiguous, race } = TRAITS[reason];
  const isFault = !(race && facts.reused);
  return {
    retry: true,
    reason,
    ambiguous,
    isFault,
    countsAgainstHealth: countsAgainstHealth(facts),
    delayMs: reason === 'status' ? (facts.retryAfterMs ?? 0) : 0,
  };
}

function final(facts: RetryFacts, reason: FinalReason): Final {
  return { retry: false, reason, countsAgainstHealth: countsAgainstHealth(facts) };
}

/** Closes, resets and timeouts count on a fresh connection only. An origin may close a reused one at any time. */
function countsAgainstHealth(facts: RetryFacts): boolean {
  if (facts.reused) return false;
  switch (facts.ending) {
    case 'closed':
    case 'partial-head':
    case 'send-timeout':
    case 'headers-timeout':
    case 'truncated':
      return true;
    case 'bad-response':
    case 'status':
    case 'request-failed':
      return false;
  }
}
