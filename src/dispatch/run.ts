/** One request from beginning to end: its attempts, and what its requester is told. */

import type { Connection } from '../connection/connection.js';
import type { Exchange, ExchangeListener } from '../connection/exchange.js';
import type { ExchangeEnding } from '../connection/exchange-ending.js';
import { type Attempt, asBackendError, BackendError } from '../errors.js';
import type { ResponseHead } from '../http1/response-head.js';
import type { Linked } from '../linked-set.js';
import type { RequestCosts } from '../observe/events.js';
import type { Origin } from '../origin/origin.js';
import type { PoolEntry } from '../origin/pool-entry.js';
import type { Clock } from '../time/clock.js';
import { AskedBody } from './asked-body.js';
import { headText } from './head-text.js';
import { isIdempotent } from './idempotence.js';
import { NO_ORIGINS, Waiter } from './queue/waiter.js';
import type { Dispatch, OutgoingRequest, ResponseSink, Taken, Tunnel } from './request.js';
import { Requester } from './requester.js';
import { attemptVerdict } from './retry/attempt-verdict.js';
import { UNTRIED } from './retry/attempts.js';
import { type AttemptEnding, JUDGED_STATUSES, type Resend } from './retry/retry-policy.js';
import type { RunDispatcher } from './run-dispatcher.js';
import { TimeBudget, type TimeBudgetListener, tookTooLongError } from './time-budget.js';
import type { AtTurnEnd } from './turn-end.js';

export class Run extends Waiter implements Dispatch, ExchangeListener, TimeBudgetListener, AtTurnEnd, Linked<Run> {
  previousLinked: Run | undefined = undefined;
  nextLinked: Run | undefined = undefined;
  isLinked = false;
  readonly request: OutgoingRequest;
  readonly timeBudget: TimeBudget;
  readonly requester: Requester;
  readonly idempotent: boolean;
  /** The request was answered, has failed or has become a tunnel. */
  ended = false;
  failedAt: readonly Origin[] = NO_ORIGINS; // should not get it again if there is another
  readonly #dispatcher: RunDispatcher<Run>;
  #attempts = UNTRIED;
  #head = '';
  #authority: string | undefined; // for which the head was written
  #origin: Origin | undefined;
  #exchange: Exchange | undefined;
  #asked: AskedBody | undefined; // of the exchange, when its body waits for 100
  #trailers: readonly string[] | undefined; // set when the response is complete
  #tunnel: Tunnel | undefined; // not given to the requester yet

  constructor(request: OutgoingRequest, sink: ResponseSink, dispatcher: RunDispatcher<Run>, begunAt?: number) {
    const idempotent = isIdempotent(request, dispatcher.options.idempotencyKey === 'honoured');
    super(idempotent || request.nonIdempotent === 'any' ? 'any' : request.nonIdempotent);
    this.request = request;
    this.timeBudget = new TimeBudget(request.timeouts, dispatcher.deadlines, this, begunAt);
    this.requester = new Requester(request, sink, dispatcher);
    this.#dispatcher = dispatcher;
    this.idempotent = idempotent;
  }

  get attempts(): readonly Attempt[] {
    return this.#attempts.list;
  }

  get clock(): Clock {
    return this.#dispatcher.clock;
  }

  /** Waits in the queue for a connection, if it has not ended. */
  enqueue(): void {
    this.#dispatcher.enqueue(this);
  }

  /** The turn ends in which the request was made, or in which its response became complete. */
  turnEnded(): void {
    if (this.ended) return;
    if (this.#trailers === undefined) this.requester.runInAsyncScope(this.#dispatcher.admit, this.#dispatcher, this);
    else this.requester.runInAsyncScope(this.#tellEnd, this, this.#trailers);
  }

  // --- attempts ----------------------------------------------------------------------------------------------------------

  /** Writes the head before a connection is taken. @throws BackendError `http_request_error` when it cannot be written */
  prepare(authority: string, added?: readonly string[]): void {
    if (this.#authority === authority && added === undefined) return;
    this.#head = headText(this.request, authority, added);
    this.#authority = added === undefined ? authority : undefined;
  }

  /** `now`: the current time, if the caller has just read the clock. */
  begin(origin: Origin, entry: PoolEntry, now = this.clock.now()): void {
    const { connection } = entry;
    this.timeBudget.endWait(entry.dialledAt, connection.openedAt, now);
    this.#origin = origin;
    this.#attempts = this.#attempts.begin(origin.name, connection.exchanges > 0, now);
    this.prepare(origin.options.authority);
    this.#asked = AskedBody.of(this.request, this.#dispatcher.deadlines);
    const exchange = connection.begin(this.request, this.#asked ?? this.request.body, this);
    this.#exchange = exchange;
    origin.entries.begun(entry, this.travel, now);
    if (this.#exchange !== exchange) return; // a listener of an event has ended it
    if (this.requester.watches('attempt')) this.#tellAttempt(exchange, connection, origin);
    else this.#start(exchange, origin, now);
  }

  #start(exchange: Exchange, origin: Origin, now?: number): void {
    if (!exchange.start(this.#head, now)) {
      this.#refused('the kernel refused the first write: the connection was closed');
    } else if (this.travel === 'fresh') origin.expectFresh();
  }

  /** Listeners may end the request. Or they take so long that stray bytes arrive, which would be taken for the response. */
  #tellAttempt(exchange: Exchange, connection: Connection, origin: Origin): void {
    const added = this.requester.attemptBegun(this.#attempts, this.timeBudget.waitedMs());
    if (added !== undefined) this.prepare(origin.options.authority, added);
    const startIf = (alive: boolean) => {
      if (this.#exchange !== exchange) return;
      if (alive) this.#start(exchange, origin);
      else this.#refused('the connection was closed before the first write');
    };
    const found = connection.checkAlive();
    if (found === 'unknown') connection.afterTwoTurns(() => startIf(connection.checkAlive() !== 'closed'));
    else startIf(found === 'alive');
  }

  #refused(message: string): void {
    this.#judge('closed', new BackendError('connection_terminated', message));
  }

  exchangeFailed(ending: ExchangeEnding, cause: BackendError): void {
    this.#judge(this.#attempts.endingOf(ending, this.#exchange), cause);
  }

  /** Decides what becomes of the request, now that its attempt has ended without a response for the requester. */
  #judge(ending: AttemptEnding, cause: BackendError): void {
    const exchange = this.#exchange;
    this.#attempts.record(exchange, cause);
    this.#exchange = undefined;
    const verdict = attemptVerdict({ ending, attempts: this.#attempts, run: this }, this.#dispatcher);
    const { begunAt, headForwarded } = this.#attempts;
    if (verdict.countsAgainstHealth) this.#origin?.standing.failed(cause.code, begunAt, headForwarded);
    else this.#origin?.standing.gaveNoVerdict(begunAt);
    this.requester.attemptEnded(this.#attempts, exchange, cause);
    if (this.ended) return;
    if (verdict.retry) this.#resend(verdict);
    else this.fail(cause);
  }

  #resend({ ambiguous, reason, delayMs, isFault }: Resend): void {
    const origin = this.#origin;
    if (origin === undefined) return;
    if (ambiguous) this.#attempts.ambiguousResends += 1;
    origin.tally.countResent(reason);
    this.requester.resent(origin.name, reason);
    if (this.travel !== 'fresh') this.travel = 'resent'; // never on a reused connection: the next one may be dead, too
    const resend = () => this.ended || this.#dispatcher.resend(this, origin, isFault);
    if (delayMs === 0) resend();
    else this.clock.after(delayMs, resend);
  }

  // --- the response --------------------------------------------------------------------------------------------------------

  onInformation(head: ResponseHead): void {
    if (head.statusCode === 100) this.#asked?.ask();
    this.requester.gotInformation(head);
  }

  onHead(head: ResponseHead): void {
    if (JUDGED_STATUSES.has(head.statusCode) && this.#tryResend(head)) return;
    this.#origin?.recorder.answered(head.statusCode, this.#attempts.begunAt);
    this.#attempts.headForwarded = true;
    this.#attempts.record(this.#exchange, undefined);
    this.requester.gotHead(head);
  }

  /** The request ends with its 101: the tunnel is no part of it. */
  exchangeSwitched(head: ResponseHead, tunnel: Tunnel): void {
    this.onHead(head);
    this.#tunnel = tunnel;
    this.#origin?.recorder.tunnelBegun();
    this.exchangeEnded([], this.clock.now());
  }

  onBody(bytes: Buffer): void {
    this.requester.gotBody(bytes);
  }

  readEnded(): Taken {
    if (this.#attempts.headForwarded) this.#attempts.headAt ??= this.clock.now();
    return this.requester.readEnded();
  }

  exchangeEnded(trailers: readonly string[], now: number): void {
    this.#attempts.answered(now);
    this.timeBudget.clear();
    this.#trailers = trailers;
    this.#dispatcher.turnEnd.add(this);
  }

  #tellEnd(trailers: readonly string[]): void {
    try {
      this.requester.tell(true);
      const held = !this.ended && this.requester.sink.holds === true;
      if (held) this.timeBudget.set(this.timeBudget.leftMs()); // what it waits for may never come
      if (held || this.ended) return;
      const exchange = this.#exchange;
      this.#attempts.record(exchange, undefined);
      this.#end(this.#tunnel === undefined ? this.#attempts.lastMs : undefined);
      this.requester.answered(this.#attempts, exchange, this);
      this.requester.ended(trailers, this.#tunnel);
    } catch (thrown) {
      this.fail(asBackendError(thrown));
      throw thrown;
    }
  }

  /** True = this response is not for the requester: the request is sent again. */
  #tryResend(head: ResponseHead): boolean {
    const attempt = this.#attempts.record(this.#exchange, undefined);
    const ended = { ending: 'status', head, attempts: this.#attempts, run: this } as const;
    const verdict = attemptVerdict(ended, this.#dispatcher);
    if (!verdict.retry) return false;
    const about = { delivery: this.#attempts.delivery, origin: attempt.origin };
    attempt.cause = new BackendError('http_protocol_error', `answered ${head.statusCode}`, about);
    this.#origin?.standing.answeredInVain(head.statusCode, this.#attempts.begunAt);
    const exchange = this.#exchange;
    exchange?.abandon();
    this.#exchange = undefined;
    this.requester.attemptEnded(this.#attempts, exchange, undefined);
    if (!this.ended) this.#resend(verdict);
    return true;
  }

  // --- the end ---------------------------------------------------------------------------------------------------------------

  resume(): void {
    if (this.#trailers === undefined) this.#exchange?.resume();
    else this.turnEnded();
  }

  abort(reason: BackendError): BackendError {
    this.requester.gone();
    return this.ended ? this.#attempts.failure(reason) : this.#giveUp(reason);
  }

  /** Ends the request with an error, whatever it is doing. */
  fail(error: BackendError): void {
    if (this.ended) return;
    this.requester.gotFailure(this.#giveUp(error));
  }

  /** The dispatcher did not take the request. */
  refuse(error: BackendError): void {
    this.requester.refused(error);
    this.fail(error);
  }

  /** The body failed while nothing of it was being sent. A response that has begun does not need the body. */
  bodyFailed(error: BackendError): void {
    if (!this.#attempts.headForwarded) this.fail(error);
  }

  waitedOut(): void {
    this.fail(this.#dispatcher.waitedOut(this));
  }

  tookTooLong(): void {
    this.fail(tookTooLongError(this.request.timeouts.requestTimeout));
  }

  #giveUp(cause: BackendError): BackendError {
    this.ended = true; // before any event: its listener may end the request again
    this.#dispatcher.leave(this);
    this.requester.leave();
    const exchange = this.#exchange;
    if (exchange !== undefined) {
      this.#attempts.record(exchange, cause);
      exchange.abandon();
      this.#origin?.standing.gaveNoVerdict(this.#attempts.begunAt);
    }
    this.#tunnel?.destroy();
    const error = this.#attempts.failure(cause);
    this.#origin?.tally.countFailure(error);
    this.#end(undefined);
    if (exchange !== undefined) this.requester.attemptEnded(this.#attempts, exchange, cause);
    this.requester.failed(error, this);
    return error;
  }

  #end(exchangeMs: number | undefined): void {
    this.ended = true;
    this.#exchange = undefined;
    this.timeBudget.clear();
    this.request.body?.abandon();
    this.#dispatcher.finished(this, exchangeMs);
  }

  /** As of now. */
  get costs(): RequestCosts {
    return this.#attempts.costs(this.timeBudget, this.request.body, this.clock.now());
  }
}
