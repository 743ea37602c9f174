/** Reports to the health of an origin how its requests ended, and emits the changes of that health as events. */

import type { Observer } from '../../observe/observer.js';
import type { DownReason, EjectionReason } from '../../observe/reasons.js';
import type { Clock } from '../../time/clock.js';
import type { Deadline, Deadlines } from '../../time/deadlines.js';
import { Health, type HealthOptions, type HealthState } from './health.js';
import { type OutcomeCounts, Outcomes } from './outcomes.js';
import { slowStartShare } from './slow-start.js';

export interface StandingOptions extends HealthOptions {
  /** Statuses that are failures. */
  readonly statuses: readonly number[];
  /** Whether outcomes are counted by windows, and how; see {@link Standing.endWindow}. */
  readonly outliers: object | false;
}

/** Is told of changes. */
export interface StandingListener {
  /** An ejection is over, or the origin's share has grown: waiting requests may try the origin. */
  due(): void;
  /** The origin is in another state. */
  changed(): void;
}

export interface StandingSetting {
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly observer: Observer;
  /** `slowStart`: milliseconds over which the share grows after the origin came back. */
  readonly options: { readonly ejection: StandingOptions; readonly slowStart: number | false };
}

const SLOW = 'slow';

export class Standing {
  readonly #origin: string;
  readonly #setting: StandingSetting;
  readonly #clock: Clock;
  readonly #observer: Observer;
  readonly #health: Health;
  #badStatuses: ReadonlySet<number> = new Set();
  #outcomes: Outcomes | undefined;
  readonly #due: Deadline;
  readonly #listener: StandingListener;
  #slowStartMs = 0; // 0 = none
  #mostMs = Number.POSITIVE_INFINITY; // that a probe may take while the origin is ejected for being slow
  #probeDial: object | undefined; // the slot where the probe is dialled, until a request goes to the origin

  constructor(origin: string, setting: StandingSetting, listener: StandingListener) {
    this.#origin = origin;
    this.#setting = setting;
    this.#clock = setting.clock;
    this.#observer = setting.observer;
    this.#due = setting.deadlines.create(() => this.#whenDue());
    this.#listener = listener;
    this.#health = new Health(setting, (state) => this.#changed(state));
    this.configure();
  }

  /** Follows the options as they are now, from the next outcome on. The state stays as it is. */
  configure(): void {
    const { ejection, slowStart } = this.#setting.options;
    this.#slowStartMs = slowStart === false ? 0 : slowStart;
    this.#badStatuses = new Set(ejection.statuses);
    this.#outcomes = ejection.outliers === false ? undefined : (this.#outcomes ?? new Outcomes());
    this.#grow();
  }

  get state(): HealthState {
    return this.#health.state;
  }

  /** Its checks say that it is ill. */
  get isDown(): boolean {
    return this.#health.state.name === 'down';
  }

  /** The part of its share that the origin gets: less than 1 for a while after it came back. */
  get share(): number {
    const { state } = this.#health;
    if (this.#slowStartMs === 0 || state.name !== 'healthy' || state.since === Number.NEGATIVE_INFINITY) return 1;
    return slowStartShare(this.#clock.now() - state.since, this.#slowStartMs);
  }

  /** Ejections that are not forgotten yet. */
  get ejections(): number {
    return this.#health.ejections;
  }

  /** Whether requests may go there now; while it is ejected, only one at a time and only when its time is up. */
  get accepts(): boolean {
    return this.#health.accepts();
  }

  /** The moment from which requests may go there if nothing else happens; in the past while they may. */
  get acceptsAt(): number {
    const { state } = this.#health;
    if (state.name === 'down') return Number.POSITIVE_INFINITY;
    return state.name === 'healthy' ? Number.NEGATIVE_INFINITY : state.until;
  }

  /** A request begins, or a dial, in that slot: it is the probe if one is due. */
  begin(now = this.#clock.now(), dialledIn?: object): void {
    // From here on the request is what the probe learns from, whatever becomes of the dial.
    if (dialledIn === undefined) this.#probeDial = undefined;
    if (this.#health.state.name === 'healthy' || !this.#health.accepts()) return;
    this.#probeDial = dialledIn; // before any listener, which may end what has just begun
    this.#health.beginProbe(now);
    this.#awaitDue();
  }

  /** A request that was begun at the moment `begunAt` was answered. A success, unless its status says that the origin is ill. */
  answered(statusCode: number, begunAt: number): void {
    if (this.#isBad(statusCode)) {
      this.failed(`status_${statusCode}`, begunAt);
      return;
    }
    if (this.#outcomes === undefined) this.#health.succeeded(begunAt);
    else this.#answeredIn(this.#outcomes, begunAt);
  }

  #answeredIn(outcomes: Outcomes, begunAt: number): void {
    const latencyMs = this.#clock.now() - begunAt;
    outcomes.answered(latencyMs);
    // Otherwise any answer would bring a slow origin back, for a whole window.
    const isSlow = this.#health.state.name === 'probing' && latencyMs > this.#mostMs;
    if (isSlow) this.#health.failed(SLOW, begunAt);
    else this.#health.succeeded(begunAt);
  }

  /** A request was answered with a status for which it is sent again: that is no success. */
  answeredInVain(statusCode: number, begunAt: number): void {
    if (this.#isBad(statusCode)) this.failed(`status_${statusCode}`, begunAt);
    else this.gaveNoVerdict(begunAt);
  }

  /** A request failed. `wasAnswered`: its head had come and was counted, but the response broke off before it was complete. */
  failed(reason: EjectionReason, begunAt = this.#clock.now(), wasAnswered = false): void {
    if (wasAnswered) this.#outcomes?.spoiled();
    else this.#outcomes?.failed();
    this.#health.failed(reason, begunAt);
  }

  /** The dial in that slot failed. */
  dialFailed(reason: EjectionReason, dialledIn: object): void {
    // This host has no ports or descriptors left, which says nothing about the origin.
    if (reason === 'connection_limit_reached') this.broughtNoRequest(dialledIn);
    else this.failed(reason);
  }

  /** A request or a dial ended, and its end says nothing about the origin. */
  gaveNoVerdict(begunAt = this.#clock.now()): void {
    this.#health.gaveNoVerdict(begunAt);
  }

  /** What was dialled in that slot has no request. If that dial was the probe, the next request is. */
  broughtNoRequest(dialledIn: object): void {
    if (dialledIn !== this.#probeDial) return;
    this.#probeDial = undefined;
    this.gaveNoVerdict();
  }

  /** Counts since the last call; zeros if `outliers` is off. */
  endWindow(): OutcomeCounts {
    return this.#outcomes?.take() ?? { requests: 0, failures: 0, latencyMs: undefined };
  }

  /** The origin fails more than others. */
  eject(reason: EjectionReason): void {
    this.#health.eject(reason);
  }

  /** The origin takes longer than others. A request that takes more than `mostMs` does not readmit it. */
  ejectSlow(mostMs: number): void {
    this.#mostMs = mostMs;
    this.#health.eject(SLOW);
  }

  /** Its checks failed. */
  fell(reason: DownReason): void {
    this.#health.fell(reason);
  }

  /** Its checks are good again. */
  rose(): void {
    this.#health.rose();
    this.#listener.due();
  }

  #isBad(statusCode: number): boolean {
    return this.#badStatuses.size > 0 && this.#badStatuses.has(statusCode);
  }

  /** The origin is closed. */
  close(): void {
    this.#due.clear();
  }

  #whenDue(): void {
    // A timer that fires a fraction too early would find it not due yet, and would not be set again.
    if (this.acceptsAt > this.#clock.now()) this.#awaitDue();
    else {
      this.#listener.due();
      this.#grow();
    }
  }

  /** Waits until the ejection ends, or until the probe has taken so long that another may begin. */
  #awaitDue(): void {
    this.#due.set(Math.max(1, this.acceptsAt - this.#clock.now()));
  }

  /** Waiting requests may try again each time the share has grown by a tenth. */
  #grow(): void {
    if (this.share < 1) this.#due.set(this.#slowStartMs / 10);
  }

  #changed(state: HealthState): void {
    this.#listener.changed();
    this.#tell(state);
  }

  #tell(state: HealthState): void {
    const origin = this.#origin;
    if (state.name === 'healthy') {
      this.#mostMs = Number.POSITIVE_INFINITY;
      this.#grow();
      if (this.#observer.watches('readmit')) this.#observer.emit('readmit', { origin });
    } else if (state.name === 'probing') {
      const { reason } = state.probe;
      if (this.#observer.watches('probe')) this.#observer.emit('probe', { origin, reason });
    } else if (state.name === 'down') {
      if (this.#observer.watches('down')) this.#observer.emit('down', { origin, reason: state.reason });
    } else if (state.name === 'ejected') {
      const forMs = state.until - this.#clock.now();
      this.#due.set(forMs);
      if (forMs > 0 && this.#observer.watches('eject'))
        this.#observer.emit('eject', { origin, reason: state.reason, forMs });
    }
  }
}
