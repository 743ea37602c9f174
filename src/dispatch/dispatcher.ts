/** Brings each request together with a connection: picks an origin, queues, dials. */

import type { Balancer } from '../balance/balancer.js';
import { type Clock, ProcessHold } from '../clock.js';
import type { Deadlines } from '../deadlines.js';
import { asBackendError, BackendError, type ErrorCode } from '../errors.js';
import { LinkedSet } from '../linked-set.js';
import type { Observer } from '../observe.js';
import type { Origin } from '../origin/origin.js';
import type { Demand } from '../origin/setting.js';
import type { Tenancy } from '../origin/tenancy.js';
import { OriginChoice } from './origin-choice.js';
import { refusalError, waitedOutError } from './refusal-error.js';
import type { Dispatch, Dispatching, OutgoingRequest, ResponseSink } from './request.js';
import type { RetryBudget } from './retry-budget.js';
import type { RetryOn } from './retry-policy.js';
import { Run } from './run.js';
import type { RunHouse } from './run-house.js';
import type { Refusal, Travel, WaitQueue } from './wait-queue.js';

export interface DispatcherSetting {
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly observer: Observer;
  readonly queue: WaitQueue<Run>;
  readonly budget: RetryBudget;
  readonly balancer: Balancer;
  readonly maxAttempts: number;
  readonly maxEjected: number;
  readonly retryOn: readonly RetryOn[];
  readonly honoursIdempotencyKey: boolean;
}

const LASTING: ReadonlySet<ErrorCode> = new Set(['tls_certificate_error', 'proxy_configuration_error']);

type State =
  | { readonly name: 'open' }
  | { readonly name: 'draining'; readonly empty: () => void }
  | { readonly name: 'closed'; readonly cause: unknown };

const ALL_FIT = { any: true, verified: true, fresh: true } as const;
const NOT_FRESH = { any: true, verified: true, fresh: false } as const;
const ANY = { any: true, verified: false, fresh: false } as const;

export class Dispatcher implements Dispatching, Demand, RunHouse {
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly observer: Observer;
  readonly budget: RetryBudget;
  readonly maxAttempts: number;
  readonly retryOn: readonly RetryOn[];
  readonly honoursIdempotencyKey: boolean;
  readonly #queue: WaitQueue<Run>;
  readonly #setting: DispatcherSetting;
  readonly #hold = new ProcessHold();
  readonly #running = new LinkedSet<Run>();
  #origins: readonly Origin[] = [];
  #choice: OriginChoice;
  #coming = 0; // connections that the queue has asked for and that have not arrived
  #pumpIsDue = false;
  #state: State = { name: 'open' };

  constructor(setting: DispatcherSetting) {
    this.clock = setting.clock;
    this.deadlines = setting.deadlines;
    this.observer = setting.observer;
    this.budget = setting.budget;
    this.maxAttempts = setting.maxAttempts;
    this.retryOn = setting.retryOn;
    this.honoursIdempotencyKey = setting.honoursIdempotencyKey;
    this.#queue = setting.queue;
    this.#setting = setting;
    this.#choice = this.#choiceOf([]);
  }

  /** The origins to dispatch to. Given once, before the first request: they know their dispatcher. */
  serve(origins: readonly Origin[]): void {
    this.#origins = origins;
    this.#choice = this.#choiceOf(origins);
  }

  #choiceOf(origins: readonly Origin[]): OriginChoice {
    const { balancer, maxEjected, observer } = this.#setting;
    return new OriginChoice(origins, balancer, maxEjected, observer);
  }

  get inFlight(): number {
    return this.#running.size;
  }

  // --- requests --------------------------------------------------------------------------------------------------------

  dispatch(request: OutgoingRequest, sink: ResponseSink): Dispatch {
    const run = new Run(request, sink, this);
    this.#running.add(run);
    this.#hold.take();
    if (this.#state.name === 'open') this.#admit(run);
    else run.refuse(closedError(this.#state));
    return run;
  }

  #admit(run: Run): void {
    try {
      run.prepare(this.#origins[0]?.address.authority ?? '');
      this.budget.deposit();
      this.place(run);
    } catch (error) {
      run.fail(asBackendError(error));
    }
  }

  /** Onto a connection at once if there is one, else into the queue. */
  place(run: Run): void {
    const origin = this.#choose(run.travel);
    const taken = origin?.take(run.travel);
    if (origin !== undefined && typeof taken === 'object') {
      run.begin(origin, taken);
      return;
    }
    if (taken === 'later') this.#coming += 1;
    else if (origin?.canDial && this.#queue.length >= this.#coming && mayDialFor(run, origin)) this.#dial(origin);
    this.enqueue(run);
  }

  enqueue(run: Run): void {
    const { waitLeftMs } = run.patience;
    const refusal = this.#queue.enqueue(run, waitLeftMs, this.#choice.usableConnections(), this.#coming);
    if (refusal !== undefined) this.#refuse(refusal);
    if (!run.waiting) return;
    run.patience.wait();
    this.#pump();
  }

  /** Onto a connection of its own, dialled for it: in the slot that its dead connection freed, if it can be there. */
  redial(run: Run, last: Origin, preferOther: boolean): void {
    const hasRoom = (one: Origin) => one.canDial || one.canMakeRoom;
    const other = preferOther ? this.#choice.pick((one) => one !== last && hasRoom(one)) : undefined;
    const origin = other ?? this.#choice.pick((one) => one === last && hasRoom(one));
    if (origin === undefined) {
      this.enqueue(run);
      return;
    }
    run.patience.wait();
    if (!origin.canDial) origin.makeRoom();
    origin.dial(run);
  }

  leave(run: Run): void {
    this.#queue.leave(run);
  }

  /** The run has waited as long as it may. */
  waitedOut(run: Run): BackendError {
    const usable = this.#choice.usableConnections();
    this.#queue.expire(run, usable);
    const retryAfter = this.#queue.retryAfterSeconds(usable);
    return waitedOutError(run.patience.waitedMs, retryAfter, this.#origins, this.#queue.length, this.clock.now());
  }

  finished(run: Run, exchangeMs: number | undefined): void {
    if (!this.#running.delete(run)) return;
    this.#hold.letGo();
    if (exchangeMs !== undefined) this.#queue.observeExchange(exchangeMs);
    if (this.#state.name === 'draining' && this.#running.size === 0) this.#state.empty();
  }

  // --- what origins tell -----------------------------------------------------------------------------------------------

  get waiting(): boolean {
    return this.#queue.length > 0;
  }

  offer(origin: Origin, tenancy: Tenancy): boolean {
    const { connection } = tenancy;
    const { fresh } = connection;
    if (!fresh && this.#freshIsNext(origin)) {
      connection.close('made-room');
      this.#dial(origin);
      return true;
    }
    const run = fresh ? this.#takeForFresh(origin) : this.#queue.take(origin.isProven(connection) ? NOT_FRESH : ANY);
    run?.begin(origin, tenancy);
    return run !== undefined;
  }

  /** First those that can ride nothing else: what was dialled for them would have to be dialled again. */
  #takeForFresh(origin: Origin): Run | undefined {
    const forFresh = this.#queue.take({ any: false, verified: true, fresh: origin.hasFreshShare });
    return forFresh ?? this.#queue.take(ANY);
  }

  arrived(): void {
    this.#coming -= 1;
    this.room();
  }

  room(): void {
    if (this.#pumpIsDue || this.#queue.length === 0) return;
    // Later, so that a re-send can take the slot that its dead connection has just freed.
    this.#pumpIsDue = true;
    queueMicrotask(() => {
      this.#pumpIsDue = false;
      this.#pump();
    });
  }

  /** A certificate or a setting does not mend itself within the wait of a request. */
  dialFailed(origin: Origin, error: BackendError): void {
    const elsewhere = this.#choice.eligible().some((one) => one !== origin && one.backoff.state.name === 'ready');
    if (!LASTING.has(error.code) || elsewhere) {
      this.room();
      return;
    }
    for (let run = this.#queue.take(ALL_FIT); run !== undefined; run = this.#queue.take(ALL_FIT)) run.fail(error);
  }

  // --- choosing --------------------------------------------------------------------------------------------------------

  /** One origin among those that have a connection for this travel, or room for one. */
  #choose(travel: Travel): Origin | undefined {
    if (this.#origins.length === 1) return this.#origins[0];
    return this.#choice.pick((origin) => origin.hasConnectionFor(travel) || origin.canDial);
  }

  // --- dialling for the queue ------------------------------------------------------------------------------------------

  /** Dials until each waiter has a connection coming, as far as there is room. */
  #pump(): void {
    while (this.#queue.length > this.#coming) {
      const onlyFresh = this.#queue.lengthOf('any') === 0;
      const empty = this.#choice.pick((origin) => origin.canDial && (!onlyFresh || origin.hasFreshShare));
      const origin = empty ?? this.#makeRoom();
      if (origin === undefined) return;
      this.#dial(origin);
    }
  }

  /** For those that may not ride what is idle. */
  #makeRoom(): Origin | undefined {
    if (this.#freshWaiting <= this.#coming) return undefined;
    const origin = this.#choice.pick((one) => one.canMakeRoom && one.hasFreshShare);
    origin?.makeRoom();
    return origin?.canDial === true ? origin : undefined;
  }

  #dial(origin: Origin): void {
    this.#coming += 1;
    origin.dial('demand');
  }

  get #freshWaiting(): number {
    return this.#queue.lengthOf('fresh') + this.#queue.lengthOf('verified');
  }

  /** The longest waiting must travel fresh, and no dial is on its way to it. */
  #freshIsNext(origin: Origin): boolean {
    if (this.#queue.lengthOf('fresh') === 0 || this.#freshWaiting <= this.#coming) return false;
    return this.#queue.peek(ALL_FIT)?.travel === 'fresh' && origin.hasFreshShare && origin.backoff.mayDial();
  }

  #refuse(refusal: Refusal<Run>): void {
    refusal.waiter.refuse(refusalError(refusal, this.#origins, this.#queue.length, this.clock.now()));
  }

  // --- life ------------------------------------------------------------------------------------------------------------

  /** Takes no more requests. Resolves when all that were taken have ended. */
  drain(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#state.name !== 'open' || this.#running.size === 0) resolve();
      if (this.#state.name === 'open') this.#state = { name: 'draining', empty: resolve };
    });
  }

  /** Ends every request now. */
  close(cause: unknown): void {
    this.#state = { name: 'closed', cause };
    for (const run of [...this.#running]) run.fail(closedError(this.#state));
    this.#hold.close();
  }

  get queueStats() {
    return this.#queue.stats;
  }
}

function mayDialFor(run: Run, origin: Origin): boolean {
  return run.travel === 'any' || origin.hasFreshShare;
}

function closedError(state: State): BackendError {
  if (state.name !== 'closed')
    return new BackendError('backend_closed', 'the backend is draining and takes no requests');
  return new BackendError('backend_closed', 'the backend was closed', { cause: state.cause });
}
