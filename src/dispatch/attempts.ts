/** What was tried for one request, as facts. */

import type { Ending as ExchangeEnding } from '../connection/ending.js';
import type { Exchange } from '../connection/exchange.js';
import { type Attempt, BackendError, type Delivery, type Phase, type Progress } from '../errors.js';
import type { RequestCosts } from '../events.js';
import type { Patience } from './patience.js';
import type { ReplayBody } from './replay-body.js';
import type { Ending } from './retry-policy.js';

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
  /** Re-sends after an end that left it open whether the request was processed. */
  ambiguousResends = 0;
  /** The requester has the final head: there is no way back. */
  headForwarded = false;
  /** When the last one began. */
  begunAt = 0;
  /** When the read was over that brought the final head; nobody asks the clock for it but where that is not the last read. */
  headAt: number | undefined = undefined;
  /** The one that runs, or ran last. */
  last: AttemptRecord | undefined = undefined;
  #earlier: readonly AttemptRecord[] = NONE;
  #endedAt = 0; // when the last one's response was here, to its end
  #receivedBytes = 0; // of its body

  /** Oldest first. Built on demand: it is rarely needed for a request that was answered. */
  get list(): readonly AttemptRecord[] {
    return this.last === undefined ? NONE : [...this.#earlier, this.last];
  }

  get count(): number {
    return this.#earlier.length + (this.last === undefined ? 0 : 1);
  }

  /** What a re-send is judged by. */
  get facts() {
    const { count, ambiguousResends, headForwarded } = this;
    const { reused = false, sent = 'nothing', received = 'nothing' } = this.last ?? {};
    return { reused, sent, received, headForwarded, ambiguousResends, attempts: count } as const;
  }

  /** Returns those of this request, which are its own from the first on. */
  begin(origin: string, reused: boolean, now: number): Attempts {
    const own = this === UNTRIED ? new Attempts() : this;
    own.#earlier = own.list;
    own.last = recordOf(origin, reused);
    own.begunAt = now;
    own.headAt = undefined;
    own.#receivedBytes = 0;
    return own;
  }

  /** The response of the last one is here to its end. */
  answered(now: number): void {
    this.headAt ??= now;
    this.#endedAt = now;
  }

  /** Milliseconds that the last one took, once it was answered. */
  get lastMs(): number {
    return this.#endedAt - this.begunAt;
  }

  /** The attempt that runs, as its exchange knows it now. */
  record(exchange: Exchange | undefined, cause: Error | undefined): AttemptRecord {
    const attempt = this.last;
    if (attempt === undefined) throw new Error('an attempt ended that was not begun');
    attempt.cause = cause;
    if (exchange === undefined) return attempt;
    attempt.phase = exchange.phase;
    attempt.sent = exchange.sent;
    attempt.received = exchange.received;
    this.#receivedBytes = exchange.receivedBytes;
    return attempt;
  }

  /** What it took until `now`, the waits included. */
  costs({ startedAt, waitedMs, connectMs }: Patience, body: ReplayBody | undefined, now: number): RequestCosts {
    const responseMs = this.headAt === undefined ? undefined : this.headAt - this.begunAt;
    const bytes = { sentBytes: this.#sentBytes(body), receivedBytes: this.#receivedBytes };
    return { durationMs: now - startedAt, waitedMs, connectMs, responseMs, ...bytes };
  }

  #sentBytes(body: ReplayBody | undefined): number {
    const { givenBytes = 0, whole } = body ?? {};
    // A small body in memory goes out with the head, past the runs that are counted.
    const withHead = givenBytes === 0 && this.list.some(({ sent }) => sent !== 'nothing');
    return withHead ? (whole?.length ?? 0) : givenBytes;
  }

  /** Whether any of them may have been processed. */
  get delivery(): Delivery {
    if (this.headForwarded) return 'answered';
    return this.list.some((attempt) => attempt.sent !== 'nothing') ? 'unknown' : 'unsent';
  }

  /** The error for the requester: the cause, and all that is known. */
  failure(cause: BackendError): BackendError {
    return new BackendError(cause.code, cause.message, {
      delivery: this.delivery,
      // `delivery` is about the origin that got the request, even if another could not be dialled after that.
      origin: this.last?.origin ?? cause.origin,
      attempts: this.list,
      counts: cause.counts,
      retryAfter: cause.retryAfter,
      cause: cause.cause,
    });
  }

  /** How an exchange ended, in the words of the retry policy. */
  judgedEnding(ending: ExchangeEnding, exchange: Exchange | undefined): Ending {
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
      case 'unasked': // what came was there before the request: for it the connection was closed
      case 'closed':
        if (this.headForwarded) return 'truncated';
        return exchange?.received === 'nothing' ? 'closed' : 'partial-head';
    }
  }
}

/** Shared by all requests that were not sent yet, to save memory in long queues. Never written to. */
export const UNTRIED = new Attempts();
