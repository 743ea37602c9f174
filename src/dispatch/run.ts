/** One request from beginning to end: its attempts, its waits, and what its requester gets to hear. */

import { AsyncResource } from 'node:async_hooks';
import type { Clock } from '../clock.js';
import type { Ending as ExchangeEnding, Exchange, ExchangeListener } from '../connection/exchange.js';
import type { Deadline, Deadlines } from '../deadlines.js';
import { type Attempt, BackendError, type Delivery, type Phase, type Progress } from '../errors.js';
import { fieldValue } from '../http1/fields.js';
import { isIdempotentMethod } from '../http1/method.js';
import { type RequestFraming, writeRequestHead } from '../http1/request-head.js';
import type { ResponseHead } from '../http1/response-parser.js';
import type { Observer } from '../observe.js';
import type { Origin } from '../origin/origin.js';
import type { DialWaiter } from '../origin/setting.js';
import type { Tenancy } from '../origin/tenancy.js';
import type { Dispatch, OutgoingRequest, ResponseSink } from './request.js';
import type { ReplayBody } from './replay-body.js';
import type { RetryBudget } from './retry-budget.js';
import { type Ending, judgeRetry, parseRetryAfter, type Resend, type RetryFacts, type RetryOn, withoutToken } from './retry-policy.js';
import { type Travel, Waiter } from './wait-queue.js';

/** What a run needs of the dispatcher it runs in. */
export interface RunHouse {
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly observer: Observer;
  readonly budget: RetryBudget;
  readonly maxAttempts: number;
  readonly retryOn: readonly RetryOn[];
  readonly honoursIdempotencyKey: boolean;
  place(run: Run): void;
  enqueue(run: Run): void;
  redial(run: Run, last: Origin, preferOther: boolean): void;
  leave(run: Run): void;
  waitedOut(run: Run): BackendError;
  finished(run: Run, exchangeMs: number | undefined): void;
}

/** An attempt while it runs. */
interface AttemptRecord extends Attempt {
  phase: Phase;
  sent: Progress;
  received: Progress;
  cause: Error | undefined;
}

const RETRY_STATUSES: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);

export class Run extends Waiter implements Dispatch, ExchangeListener, DialWaiter {
  declare travel: Travel;
  readonly request: OutgoingRequest;
  readonly attempts: AttemptRecord[] = [];
  readonly #sink: ResponseSink;
  readonly #house: RunHouse;
  readonly #startedAt: number;
  // The requester's own context: sockets outlive requests and would lend it that of whoever dialled them.
  readonly #scope = new AsyncResource('PooledRequest');
  readonly #idempotent: boolean;
  #head = '';
  #authority: string | undefined;
  #origin: Origin | undefined;
  #exchange: Exchange | undefined;
  #queueDeadline: Deadline | undefined;
  #requestDeadline: Deadline | undefined;
  #waitingSince: number | undefined;
  #waitedBeforeMs = 0;
  #begunAt = 0;
  #ambiguousResends = 0;
  #headForwarded = false;
  #statusCode = 0;
  #ended = false;

  constructor(request: OutgoingRequest, sink: ResponseSink, house: RunHouse) {
    const idempotent = isIdempotent(request, house.honoursIdempotencyKey);
    super(idempotent || request.nonIdempotent === 'any' ? 'any' : request.nonIdempotent);
    this.request = request;
    this.#sink = sink;
    this.#house = house;
    this.#idempotent = idempotent;
    this.#startedAt = house.clock.now();
  }

  // --- before anything is sent -----------------------------------------------------------------------------------------

  /** Writes the head, so that what cannot be written is refused before a connection is taken. False = it has failed. */
  prepare(authority: string): boolean {
    try {
      this.#writeHead(authority);
    } catch (error) {
      this.fail(asBackendError(error));
      return false;
    }
    const { requestTimeout } = this.request.timeouts;
    if (requestTimeout !== Number.POSITIVE_INFINITY) {
      this.#requestDeadline = this.#house.deadlines.create(() => this.#tookTooLong());
      this.#requestDeadline.set(requestTimeout);
    }
    return true;
  }

  /** Milliseconds that it may still wait for a connection: `queueTimeout` counts all its waits, not its exchanges. */
  timeLeftMs(): number {
    const { queueTimeout, requestTimeout } = this.request.timeouts;
    const now = this.#house.clock.now();
    return Math.max(0, Math.min(queueTimeout - this.waitedMs(now), this.#startedAt + requestTimeout - now));
  }

  watchQueue(): void {
    const leftMs = this.timeLeftMs();
    this.#waitingSince ??= this.#house.clock.now();
    this.#queueDeadline ??= this.#house.deadlines.create(() => this.fail(this.#house.waitedOut(this)));
    this.#queueDeadline.set(leftMs);
  }

  /** Milliseconds that it has waited for connections, over all its waits. */
  waitedMs(now = this.#house.clock.now()): number {
    return this.#waitedBeforeMs + (this.#waitingSince === undefined ? 0 : now - this.#waitingSince);
  }

  #endWait(): void {
    if (this.#waitingSince === undefined) return;
    this.#waitedBeforeMs = this.waitedMs();
    this.#waitingSince = undefined;
    this.#queueDeadline?.clear();
  }

  /** It was not taken in. */
  refuse(error: BackendError): void {
    const { observer } = this.#house;
    const { method, path } = this.request;
    if (observer.watches('refuse')) observer.emit('refuse', { method, path, error });
    this.fail(error);
  }

  // --- attempts ----------------------------------------------------------------------------------------------------------

  begin(origin: Origin, tenancy: Tenancy): void {
    const { connection } = tenancy;
    this.#endWait();
    this.#origin = origin;
    this.#begunAt = this.#house.clock.now();
    const reused = connection.exchanges > 0;
    this.attempts.push(newAttempt(origin.address.origin, reused));
    origin.lend(tenancy, this.travel);
    if (this.#authority !== origin.address.authority) this.#writeHead(origin.address.authority);
    this.#exchange = connection.begin(this.request, this.#head, this);
    if (this.#exchange === undefined) this.#refusedWrite();
    else if (this.travel === 'fresh' && !this.#idempotent) origin.expectFresh();
  }

  /** A dial of its own has ended well. False = the connection is not wanted any more. */
  opened(origin: Origin, tenancy: Tenancy): boolean {
    if (this.#ended) return false;
    this.begin(origin, tenancy);
    return true;
  }

  /** A dial of its own has failed: that is no attempt, and not the request's fault. */
  failed(_error: BackendError): void {
    if (!this.#ended) this.#house.enqueue(this);
  }

  #refusedWrite(): void {
    const cause = new BackendError('connection_terminated', 'the kernel refused the first write: the connection was closed');
    this.#judge('refused-write', cause);
  }

  exchangeFailed(ending: ExchangeEnding, cause: BackendError): void {
    this.#judge(this.#endingOf(ending), cause);
  }

  /** What becomes of the request, now that its attempt has ended without a response that could be forwarded. */
  #judge(ending: Ending, cause: BackendError): void {
    const attempt = this.#record(cause);
    const facts = this.#facts(ending, attempt);
    let verdict = judgeRetry(facts);
    if (verdict.retry && verdict.costsToken && !this.#house.budget.tryWithdraw()) verdict = withoutToken(facts);
    if (verdict.countsAgainstHealth) this.#origin?.standing.failed(cause.code);
    else this.#origin?.standing.gaveNoVerdict();
    this.#exchange = undefined;
    if (verdict.retry) this.#resend(verdict);
    else this.fail(cause);
  }

  #resend(verdict: Resend): void {
    const origin = this.#origin;
    if (origin === undefined) return;
    const { observer, clock } = this.#house;
    const { method, path } = this.request;
    if (verdict.ambiguous) this.#ambiguousResends += 1;
    origin.tally.countResent(verdict.reason);
    if (observer.watches('resend')) {
      observer.emit('resend', { origin: origin.address.origin, method, path, reason: verdict.reason });
    }
    this.travel = 'fresh';
    if (verdict.delayMs === 0) this.#house.redial(this, origin, verdict.preferOtherOrigin);
    else clock.after(verdict.delayMs, () => this.#ended || this.#house.redial(this, origin, verdict.preferOtherOrigin));
  }

  // --- the response --------------------------------------------------------------------------------------------------------

  onInformation(statusCode: number, statusText: string, rawHeaders: readonly string[]): void {
    this.#scope.runInAsyncScope(this.#sink.onInformation, this.#sink, statusCode, statusText, rawHeaders);
  }

  onHead(head: ResponseHead): void {
    if (RETRY_STATUSES.has(head.statusCode) && this.#resendsAfter(head)) return;
    this.#origin?.standing.succeeded();
    this.#record(undefined);
    this.#headForwarded = true;
    this.#statusCode = head.statusCode;
    this.#scope.runInAsyncScope(this.#sink.onHead, this.#sink, head);
  }

  onBody(bytes: Buffer): boolean {
    return this.#scope.runInAsyncScope(this.#sink.onBody, this.#sink, bytes);
  }

  exchangeEnded(trailers: readonly string[]): void {
    this.#record(undefined);
    const { observer, clock } = this.#house;
    const now = clock.now();
    this.#end(now - this.#begunAt);
    if (observer.watches('request')) this.#tellRequest(now);
    this.#scope.runInAsyncScope(this.#sink.onEnd, this.#sink, trailers);
  }

  /** True = this response is not for the client: the request is sent again. */
  #resendsAfter(head: ResponseHead): boolean {
    const attempt = this.#record(undefined);
    const facts = this.#facts('status', attempt, head);
    const verdict = judgeRetry(facts);
    if (!verdict.retry || (verdict.costsToken && !this.#house.budget.tryWithdraw())) return false;
    attempt.cause = new BackendError('http_protocol_error', `answered ${head.statusCode}`, { origin: attempt.origin });
    this.#origin?.standing.gaveNoVerdict();
    this.#exchange?.abandon();
    this.#exchange = undefined;
    this.#resend(verdict);
    return true;
  }

  // --- the requester's side --------------------------------------------------------------------------------------------------

  resume(): void {
    this.#exchange?.resume();
  }

  abort(reason: BackendError): void {
    if (!this.#ended) this.#giveUp(reason);
  }

  /** Ends the request with an error, whatever state it is in. */
  fail(error: BackendError): void {
    if (this.#ended) return;
    const failure = this.#giveUp(error);
    this.#scope.runInAsyncScope(this.#sink.onFail, this.#sink, failure);
  }

  #giveUp(cause: BackendError): BackendError {
    this.#house.leave(this);
    if (this.#exchange !== undefined) {
      this.#record(cause);
      this.#exchange.abandon();
      this.#origin?.standing.gaveNoVerdict();
    }
    const failure = this.#failure(cause);
    this.#origin?.tally.countDelivery(failure.delivery);
    this.#end(undefined);
    this.#tellFailure(failure);
    return failure;
  }

  #tookTooLong(): void {
    const message = `the request was not answered within its ${this.request.timeouts.requestTimeout} ms`;
    this.fail(new BackendError('http_response_timeout', message));
  }

  #end(exchangeMs: number | undefined): void {
    this.#ended = true;
    this.#exchange = undefined;
    this.#queueDeadline?.clear();
    this.#requestDeadline?.clear();
    this.request.body?.abandon();
    this.#house.finished(this, exchangeMs);
  }

  // --- facts ---------------------------------------------------------------------------------------------------------------

  #writeHead(authority: string): void {
    const { method, path, host, fields, body, acceptsTrailers } = this.request;
    this.#authority = authority;
    this.#head = writeRequestHead({
      method,
      path,
      host: host ?? authority,
      fields,
      framing: framingOf(body),
      acceptsTrailers,
    });
  }

  /** The attempt as its exchange knows it now. */
  #record(cause: Error | undefined): AttemptRecord {
    const attempt = this.attempts[this.attempts.length - 1];
    if (attempt === undefined) throw new Error('an attempt ended that was not begun');
    const exchange = this.#exchange;
    if (exchange !== undefined) {
      attempt.phase = exchange.phase;
      attempt.sent = exchange.sent;
      attempt.received = exchange.received;
    }
    attempt.cause = cause;
    return attempt;
  }

  #facts(ending: Ending, attempt: AttemptRecord, head?: ResponseHead): RetryFacts {
    const { maxAttempts, retryOn, clock } = this.#house;
    const retryAfter = head === undefined ? undefined : fieldValue(head.rawHeaders, 'retry-after');
    return {
      ending,
      status: head?.statusCode,
      retryAfterMs: retryAfter === undefined ? undefined : parseRetryAfter(retryAfter, clock.wallNow()),
      idempotent: this.#idempotent,
      reused: attempt.reused,
      sent: attempt.sent,
      received: attempt.received,
      headForwarded: this.#headForwarded,
      bodySpent: this.request.body?.replayable === false,
      attempts: this.attempts.length,
      maxAttempts,
      ambiguousResends: this.#ambiguousResends,
      retryOn,
      timeLeftMs: this.#startedAt + this.request.timeouts.requestTimeout - clock.now(),
      upgrade: false,
    };
  }

  #endingOf(ending: ExchangeEnding): Ending {
    switch (ending) {
      case 'refused-write':
      case 'send-timeout':
      case 'headers-timeout':
        return ending;
      case 'closed':
        if (this.#headForwarded) return 'truncated';
        return this.#exchange?.received === 'nothing' ? 'closed' : 'partial-head';
      case 'garbage':
        return this.#headForwarded ? 'truncated' : 'bad-response';
      case 'body-timeout':
        return 'truncated';
      case 'body-failed':
        return 'request-failed';
    }
  }

  #failure(cause: BackendError): BackendError {
    return new BackendError(cause.code, cause.message, {
      delivery: this.#delivery(),
      origin: cause.origin ?? this.#origin?.address.origin,
      attempts: this.attempts,
      counts: cause.counts,
      retryAfter: cause.retryAfter,
      cause: cause.cause ?? cause,
    });
  }

  #delivery(): Delivery {
    if (this.#headForwarded) return 'answered';
    return this.attempts.some((attempt) => attempt.sent !== 'nothing') ? 'unknown' : 'unsent';
  }

  #tellRequest(now: number): void {
    const { method, path } = this.request;
    this.#house.observer.emit('request', {
      method,
      path,
      origin: this.#origin?.address.origin ?? '',
      statusCode: this.#statusCode,
      attempts: this.attempts.length,
      durationMs: now - this.#startedAt,
    });
  }

  #tellFailure(error: BackendError): void {
    const { observer } = this.#house;
    const { method, path } = this.request;
    if (observer.watches('fail')) observer.emit('fail', { method, path, error });
  }
}

function newAttempt(origin: string, reused: boolean): AttemptRecord {
  return { origin, phase: 'checkout', reused, sent: 'nothing', received: 'nothing', cause: undefined };
}

function isIdempotent({ method, idempotent, fields, body }: OutgoingRequest, honoursKey: boolean): boolean {
  if (idempotent !== undefined) return idempotent;
  if (isIdempotentMethod(method)) return true;
  return honoursKey && body?.replayable !== false && fieldValue(fields, 'idempotency-key') !== undefined;
}

function framingOf(body: ReplayBody | undefined): RequestFraming {
  if (body === undefined) return { kind: 'none' };
  return body.length === undefined ? { kind: 'chunked' } : { kind: 'length', bytes: body.length };
}

function asBackendError(error: unknown): BackendError {
  return BackendError.is(error) ? error : new BackendError('proxy_internal_error', String(error), { cause: error });
}
