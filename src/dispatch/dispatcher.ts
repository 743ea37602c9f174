/** Takes requests, has each matched with a connection or put into the queue, and knows when all have ended. */

import type { Balancer } from '../balance/balancer.js';
import { balancerFor } from '../balance/balancers.js';
import { asBackendError, BackendError } from '../errors.js';
import { LinkedSet } from '../linked-set.js';
import type { Observer } from '../observe/observer.js';
import type { LiveOptions, RequestTimeouts, ResolvedOptions } from '../options.js';
import type { Origin } from '../origin/origin.js';
import { type Clock, ProcessHold } from '../time/clock.js';
import type { Deadlines } from '../time/deadlines.js';
import { AnnouncedRequest, type AnnouncingDispatcher } from './announced-request.js';
import { OriginChoice } from './choice/origin-choice.js';
import { Matching } from './matching/matching.js';
import { resend } from './matching/resend.js';
import { type Refusal, WaitQueue } from './queue/wait-queue.js';
import { refusalError, waitedOutError } from './refusal-error.js';
import type { Announcer, Dispatch, Dispatching, OutgoingRequest, Place, ResponseSink } from './request.js';
import { RetryBudget } from './retry/retry-budget.js';
import { Run } from './run.js';
import type { RunDispatcher, RunSetting } from './run-dispatcher.js';
import { TurnEnd } from './turn-end.js';

interface DispatcherSetting extends LiveOptions, Pick<RunSetting, 'clock' | 'deadlines' | 'observer'> {
  readonly random: () => number;
}

type State =
  | { readonly name: 'open' }
  | { readonly name: 'draining'; readonly empty: () => void }
  | { readonly name: 'closed'; readonly cause: unknown };

export class Dispatcher implements Dispatching, AnnouncingDispatcher, RunDispatcher<Run> {
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly observer: Observer;
  readonly budget: RetryBudget;
  readonly turnEnd: TurnEnd;
  readonly queue: WaitQueue<Run>;
  /** What the origins work for: their `Demand`. */
  readonly matching: Matching;
  readonly #setting: DispatcherSetting;
  readonly #hold = new ProcessHold();
  readonly #running = new LinkedSet<Run>();
  readonly #announced = new Set<AnnouncedRequest>(); // taken in, to be dispatched later
  readonly #choice: OriginChoice;
  #state: State = { name: 'open' };

  constructor(setting: DispatcherSetting) {
    const { clock, deadlines, observer, random, options } = setting;
    this.#setting = setting;
    this.clock = clock;
    this.deadlines = deadlines;
    this.observer = observer;
    this.budget = new RetryBudget(options.retryBudget, clock);
    this.turnEnd = new TurnEnd(clock);
    this.queue = new WaitQueue(setting);
    this.#choice = new OriginChoice({
      balancer: balancerFor(options.balance, random),
      maxEjected: options.ejection.maxEjected,
      clock,
      observer,
    });
    this.matching = new Matching(this.queue, this.#choice);
  }

  /** Sets the origins to dispatch to. They were made with this dispatcher's {@link matching}. */
  serve(origins: readonly Origin[]): void {
    this.#choice.serve(origins);
    this.matching.room();
  }

  /** All origins, including those that are leaving. */
  get origins(): readonly Origin[] {
    return this.#choice.origins;
  }

  get options(): ResolvedOptions {
    return this.#setting.options;
  }

  /** Follows the options as they are now. Without a `balancer`, the present one stays. */
  configure(balancer: Balancer | undefined): void {
    this.budget.configure(this.options.retryBudget);
    this.#choice.configure(balancer, this.options.ejection.maxEjected);
    this.matching.room();
  }

  get inFlight(): number {
    return this.#running.size + this.#announced.size;
  }

  // --- requests --------------------------------------------------------------------------------------------------------

  /** `place`: that of a request which was announced. */
  dispatch(request: OutgoingRequest, sink: ResponseSink, place?: AnnouncedRequest): Dispatch {
    const run = this.#taken(request, sink, place);
    const { name } = this.#state;
    if (name === 'closed' || (name === 'draining' && place === undefined)) run.refuse(closedError(this.#state));
    else if (this.#prepare(run)) this.turnEnd.add(run);
    return run;
  }

  fail(request: OutgoingRequest, sink: ResponseSink, error: BackendError, place?: AnnouncedRequest): void {
    this.#taken(request, sink, place).fail(error);
  }

  announce({ requestTimeout }: Pick<RequestTimeouts, 'requestTimeout'>, announcer: Announcer): Place | undefined {
    if (this.#state.name !== 'open') return undefined;
    const place = new AnnouncedRequest(this, requestTimeout, announcer);
    this.#announced.add(place);
    return place;
  }

  announcedLeft(place: AnnouncedRequest): void {
    this.#announced.delete(place);
    this.#settle();
  }

  #taken(request: OutgoingRequest, sink: ResponseSink, place: AnnouncedRequest | undefined): Run {
    if (place !== undefined) this.#announced.delete(place); // before any event: it counts once
    const run = new Run(request, sink, this, place?.begunAt);
    this.#running.add(run);
    this.#hold.take();
    return run;
  }

  /**
   * False = the request cannot be sent, and has failed. Synchronously: a bad request must be refused before anything else of the
   * same client is read.
   */
  #prepare(run: Run): boolean {
    try {
      run.prepare(this.origins[0]?.options.authority ?? '');
      run.request.body?.watch(run);
      return !run.ended;
    } catch (error) {
      run.fail(asBackendError(error));
      return false;
    }
  }

  admit(run: Run): void {
    try {
      const now = this.clock.now();
      this.budget.deposit(now);
      if (!this.matching.begin(run, now)) this.enqueue(run);
      else this.matching.room(); // below the connection that it took may be one that a waiting request may ride
    } catch (error) {
      run.fail(asBackendError(error));
    }
  }

  enqueue(run: Run): void {
    if (run.ended) return;
    const refusal = this.matching.enqueue(run);
    if (refusal !== undefined) this.#refuse(refusal);
    if (!run.waiting) return;
    run.timeBudget.startWait();
    run.requester.waits(run.travel, this.queue.length);
    this.matching.pump();
  }

  resend(run: Run, last: Origin, preferOther: boolean): void {
    resend(run, last, preferOther, this.#choice);
  }

  leave(run: Run): void {
    this.queue.leave(run);
  }

  /** The run has waited as long as it may. Returns the error for it. */
  waitedOut(run: Run): BackendError {
    const usable = this.#choice.eligible.now.usableConnections;
    this.queue.expire(run);
    const retryAfter = this.queue.retryAfterSeconds(usable);
    const now = this.clock.now();
    return waitedOutError(run.timeBudget.waitedMs(now), retryAfter, this.origins, this.queue.length, now);
  }

  finished(run: Run, exchangeMs: number | undefined): void {
    if (!this.#running.delete(run)) return;
    this.#hold.letGo();
    if (exchangeMs !== undefined) this.queue.estimate.observe(exchangeMs);
    this.#settle();
  }

  #settle(): void {
    if (this.#state.name === 'draining' && this.inFlight === 0) this.#state.empty();
  }

  #refuse(refusal: Refusal<Run>): void {
    refusal.waiter.refuse(refusalError(refusal, this.origins, this.queue.length, this.clock.now()));
  }

  // --- life ------------------------------------------------------------------------------------------------------------

  /** Takes no more requests. Resolves when all that were taken have ended. */
  drain(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#state.name !== 'open' || this.inFlight === 0) resolve();
      if (this.#state.name === 'open') this.#state = { name: 'draining', empty: resolve };
    });
  }

  /** Ends every request now. Later requests are refused with the cause of the first call. */
  close(cause: unknown): void {
    const before = this.#state;
    if (before.name === 'closed') return;
    this.#state = { name: 'closed', cause };
    for (const run of [...this.#running]) run.fail(closedError(this.#state));
    for (const place of [...this.#announced]) place.end(closedError(this.#state));
    this.#hold.close();
    if (before.name === 'draining') before.empty();
  }

  get state(): 'open' | 'draining' | 'closed' {
    return this.#state.name;
  }
}

function closedError(state: State): BackendError {
  if (state.name !== 'closed')
    return new BackendError('backend_closed', 'the backend is draining and takes no requests');
  return new BackendError('backend_closed', 'the backend was closed', { cause: state.cause });
}
