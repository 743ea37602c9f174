/** The attempts of one request, and the facts about them. */

import type { ReplayBody } from '../../body/replay-body.js';
import type { Exchange } from '../../connection/exchange.js';
import type { ExchangeEnding } from '../../connection/exchange-ending.js';
import { type Attempt, BackendError, type Delivery, type ErrorCode, type Phase, type Progress } from '../../errors.js';
import type { RequestCosts } from '../../observe/events.js';
import type { TimeBudget } from '../time-budget.js';
import type { AttemptEnding } from './retry-policy.js';

/** An attempt while it runs. */
export interface AttemptRecord extends Attempt {
  phase: Phase;
  sent: Progress;
  received: Progress;
  cause: Error | undefined;
}

const NONE: readonly AttemptRecord[] = [];

function recordOf(origin: string, reused: boolean): AttemptRecord {
  return { origin, phase: 'checkout', reused, sent: 'nothing', received: 'nothing', cause: undefined };
}

export class Attempts {
  /** Re-sends after an ambiguous end: the request may have been processed, or not. */
  ambiguousResends = 0;
  /** The requester has the final head, so the request cannot be sent again. */
  headForwarded = false;
  /** When the last attempt began. */
  begunAt = 0;
  /** When the read that brought the final head was over. If the response ends with that read, the clock is not asked twice. */
  headAt: number | undefined = undefined;
  /** The attempt that runs, or the one that ran last. */
  last: AttemptRecord | undefined = undefined;
  #earlier: readonly AttemptRecord[] = NONE;
  #endedAt = 0; // when the response to the last attempt was complete
  #receivedBytes = 0; // of the body of that response

  /** Oldest first. Built on demand: it is rarely needed for a request that was answered. */
  get list(): readonly AttemptRecord[] {
    return this.last === undefined ? NONE : [...this.#earlier, this.last];
  }

  get count(): number {
    return this.#earlier.length + (this.last === undefined ? 0 : 1);
  }

  /** The facts by which the retry policy judges a re-send. */
  get facts() {
    const { count, ambiguousResends, headForwarded } = this;
    const { reused = false, sent = 'nothing' } = this.last ?? {};
    return { reused, sent, headForwarded, ambiguousResends, attempts: count } as const;
  }

  /** Returns the attempts of this request: an object of its own from the first attempt on, before that {@link UNTRIED}. */
  begin(origin: string, reused: boolean, now: number): Attempts {
    const own = this === UNTRIED ? new Attempts() : this;
    own.#earlier = own.list;
    own.last = recordOf(origin, reused);
    own.begunAt = now;
    own.headAt = undefined;
    own.#receivedBytes = 0;
    return own;
  }

  /** The response to the last attempt is complete. */
  answered(now: number): void {
    this.headAt ??= now;
    this.#endedAt = now;
  }

  /** Milliseconds that the last attempt took, once it was answered. */
  get lastMs(): number {
    return this.#endedAt - this.begunAt;
  }

  /** The record of the last attempt, brought up to date from its exchange. */
  record(exchange: Exchange | undefined, cause: Error | undefined): AttemptRecord {
    const attempt = this.last;
    if (attempt === undefined) throw new Error('an attempt ended that was not begun');
    if (exchange !== undefined) {
      attempt.phase = exchange.phase;
      attempt.sent = exchange.sent;
      attempt.received = exchange.received;
      this.#receivedBytes = exchange.receivedBytes;
    }
    attempt.cause = corrected(cause, this.delivery);
    return attempt;
  }

  /** What the request took until `now`, the waits included. */
  costs(budget: TimeBudget, body: ReplayBody | undefined, now: number): RequestCosts {
    const responseMs = this.headAt === undefined ? undefined : this.headAt - this.begunAt;
    const bytes = { sentBytes: this.#sentBytes(body), receivedBytes: this.#receivedBytes };
    const { begunAt, connectMs } = budget;
    return { durationMs: now - begunAt, waitedMs: budget.waitedMs(now), connectMs, responseMs, ...bytes };
  }

  #sentBytes(body: ReplayBody | undefined): number {
    const { givenBytes = 0, whole } = body ?? {};
    // A small body in memory is written together with the head. The body itself gives nothing out then, and counts nothing.
    const withHead = givenBytes === 0 && this.list.some(({ sent }) => sent !== 'nothing');
    return withHead ? (whole?.length ?? 0) : givenBytes;
  }

  /** Whether the origin may have processed the request, judged by all attempts. */
  get delivery(): Delivery {
    if (this.headForwarded) return 'answered';
    return this.list.some((attempt) => attempt.sent !== 'nothing') ? 'unknown' : 'unsent';
  }

  /** The error for the requester: the cause, and all that is known about the attempts. */
  failure(cause: BackendError): BackendError {
    return new BackendError(cause.code, cause.message, {
      delivery: this.delivery,
      // The origin that got the request, because `delivery` is about that one, even if another could not be dialled after that.
      origin: this.last?.origin ?? cause.origin,
      attempts: this.list,
      counts: cause.counts,
      retryAfter: cause.retryAfter,
      cause: causeOf(cause, this.delivery),
    });
  }

  /** How an exchange ended, in the words of the retry policy. */
  endingOf(ending: ExchangeEnding, exchange: Exchange | undefined): AttemptEnding {
    switch (ending) {
      case 'body-failed':
        return 'request-failed';
      case 'body-timeout':
        return 'truncated';
      case 'send-timeout':
      case 'headers-timeout':
        return this.headForwarded ? 'truncated' : ending;
      case 'garbage':
        return this.headForwarded ? 'truncated' : 'bad-response';
      case 'unasked': // the bytes were there before the request: for the request this is a closed connection
      case 'closed':
        if (this.headForwarded) return 'truncated';
        return exchange?.received === 'nothing' ? 'closed' : 'partial-head';
    }
  }
}

/**
 * Connections and parsers know nothing of the request, so their errors say `unsent`. Nobody who finds one among the causes may
 * believe that of a request that was sent.
 */
function corrected<T>(error: T, delivery: Delivery): T | BackendError {
  if (delivery === 'unsent' || !BackendError.is(error) || error.delivery !== 'unsent') return error;
  const { code, message, origin } = error;
  return new BackendError(code, message, { delivery, origin, cause: causeOf(error, delivery) });
}

// Their causes are the application's own, and may be of another request: the reason of a signal, the error of a body or of `destroy()`.
const GIVEN: ReadonlySet<ErrorCode> = new Set(['client_aborted', 'backend_closed']);

function causeOf({ code, cause }: BackendError, delivery: Delivery): unknown {
  return GIVEN.has(code) ? cause : corrected(cause, delivery);
}

/** Shared by all requests that have had no attempt, to save memory in long queues. Never written to. */
export const UNTRIED = new Attempts();
