/** Whether an origin gets requests, judged by how earlier ones ended. */

import type { DownReason, EjectionReason } from '../../observe/reasons.js';
import type { Clock } from '../../time/clock.js';

export interface HealthOptions {
  /** Failures in a row that eject. `Infinity`: never ejected. */
  readonly failures: number;
  /** Milliseconds of the first ejection; each further one lasts twice as long. */
  readonly time: number;
  /** Milliseconds of the longest ejection. */
  readonly maxTime: number;
}

export interface HealthSetting {
  readonly clock: Clock;
  readonly options: { readonly ejection: HealthOptions };
}

/** Moments are those of the clock. `ejections`: how many were remembered when the state began, see {@link Health.ejections}. */
export type HealthState =
  | {
      readonly name: 'healthy';
      readonly failuresInARow: number;
      readonly ejections: number;
      /** When it was readmitted; -Infinity before the first ejection. */
      readonly since: number;
    }
  | {
      readonly name: 'ejected';
      readonly until: number;
      readonly ejections: number;
      readonly reason: EjectionReason;
      /** When it was healthy last. */
      readonly since: number;
    }
  | {
      readonly name: 'probing';
      readonly until: number;
      readonly ejections: number;
      readonly probe: Probe;
      /** When it was healthy last. */
      readonly since: number;
    }
  | {
      readonly name: 'down';
      readonly ejections: number;
      readonly reason: DownReason;
      /** When its checks were good last. */
      readonly since: number;
    };

/** The one request that may be sent to an ejected origin. */
export interface Probe {
  /** What the origin was ejected for. */
  readonly reason: EjectionReason;
  readonly begunAt: number;
}

// An ejection is forgotten once the origin has been healthy for ten times as long. So an origin that fails again and again can
// be in service for at most that time before it is ejected for longer. The ejection before, which was half as long, is forgotten
// after another such time, half as long: ejections grow step by step, and decay step by step.
const FORGOTTEN_AFTER = 10;

/**
 * ```
 *    healthy ──failures in a row──▶ ejected ──beginProbe, when due──▶ probing
 *    ejected, longer ◀──failed── probing
 *    ejected, due    ◀──gaveNoVerdict── probing
 *    healthy         ◀──succeeded── probing
 *    healthy, ejected, probing ──fell──▶ down ──rose──▶ healthy
 * ```
 * `down` comes from checks: no request is sent as a probe then, and no answer ends it. While it is probing, the end of what was
 * begun before the probe is older news, and changes nothing.
 * This class does not fail open: the caller decides what to do when all origins are ejected.
 */
export class Health {
  readonly #setting: HealthSetting;
  readonly #clock: Clock;
  readonly #onChange: (state: HealthState) => void;
  #state: HealthState = { name: 'healthy', failuresInARow: 0, ejections: 0, since: Number.NEGATIVE_INFINITY };

  /** `onChange` is called with the new state whenever its name changes. */
  constructor(setting: HealthSetting, onChange: (state: HealthState) => void) {
    this.#setting = setting;
    this.#clock = setting.clock;
    this.#onChange = onChange;
  }

  get state(): HealthState {
    return this.#state;
  }

  /** Ejections that still count against the origin: while it is healthy, each is forgotten in time. */
  get ejections(): number {
    const state = this.#state;
    return state.name === 'healthy' ? this.#remembered(state) : state.ejections;
  }

  /** Whether a request may go there now; while it is not healthy, only as a probe. */
  accepts(): boolean {
    switch (this.#state.name) {
      case 'healthy':
        return true;
      case 'ejected':
      case 'probing':
        return this.#clock.now() >= this.#state.until;
      case 'down':
        return false;
    }
  }

  /**
   * The next request is the probe. A probe that gets no verdict within `maxTime` counts no longer, and another may begin.
   * @throws Error when the origin is healthy, ejected and not due, being probed, or down.
   */
  beginProbe(now: number): void {
    const state = this.#state;
    if (state.name === 'healthy' || state.name === 'down' || !this.accepts())
      throw new Error(`cannot probe an origin that is ${state.name}`);
    const probe: Probe = { reason: state.name === 'ejected' ? state.reason : state.probe.reason, begunAt: now };
    const until = now + this.#setting.options.ejection.maxTime;
    this.#become({ name: 'probing', until, ejections: state.ejections, probe, since: state.since });
  }

  /** A request that was begun at the moment `begunAt` failed in a way that speaks against the origin. */
  failed(reason: EjectionReason, begunAt: number): void {
    const state = this.#state;
    switch (state.name) {
      case 'healthy': {
        const failuresInARow = state.failuresInARow + 1;
        if (failuresInARow >= this.#setting.options.ejection.failures) this.eject(reason);
        else this.#state = { ...state, failuresInARow };
        return;
      }
      case 'ejected':
      case 'down':
        return; // sent before the ejection: nothing new
      case 'probing':
        if (begunAt >= state.probe.begunAt) this.#eject(state.ejections + 1, reason, state.since);
    }
  }

  /** A request that was begun at the moment `begunAt` was answered. */
  succeeded(begunAt: number): void {
    const state = this.#state;
    switch (state.name) {
      case 'healthy':
        if (state.failuresInARow > 0) this.#state = { ...state, failuresInARow: 0 };
        return;
      case 'ejected':
      case 'down':
        return; // sent before the ejection: older news than the failures
      case 'probing':
        if (begunAt < state.probe.begunAt) return;
        this.#become({
          name: 'healthy',
          failuresInARow: 0,
          ejections: state.ejections,
          since: this.#clock.now(),
        });
    }
  }

  /** What was begun at the moment `begunAt` is over, and says nothing about the origin. If it was the probe, another may begin at once. */
  gaveNoVerdict(begunAt: number): void {
    const state = this.#state;
    if (state.name !== 'probing' || begunAt < state.probe.begunAt) return;
    const { ejections, since, probe } = state;
    this.#become({ name: 'ejected', until: this.#clock.now(), ejections, reason: probe.reason, since });
  }

  /** Ejects the origin on evidence other than failures in a row (an outlier). No effect unless it is healthy. */
  eject(reason: EjectionReason): void {
    const state = this.#state;
    if (state.name === 'healthy') this.#eject(this.#remembered(state) + 1, reason, this.#clock.now());
  }

  /** Its checks failed. */
  fell(reason: DownReason): void {
    if (this.#state.name === 'down') return;
    const since = this.#state.name === 'healthy' ? this.#clock.now() : this.#state.since;
    this.#become({ name: 'down', ejections: this.ejections, reason, since });
  }

  /** Its checks are good again. This ends only `down`, which checks began: an ejection has a time of its own. */
  rose(): void {
    const { name, ejections } = this.#state;
    if (name === 'down') this.#become({ name: 'healthy', failuresInARow: 0, ejections, since: this.#clock.now() });
  }

  #eject(ejections: number, reason: EjectionReason, since: number): void {
    this.#become({ name: 'ejected', until: this.#clock.now() + this.#ejectionMs(ejections), ejections, reason, since });
  }

  /** Ejections that still count against an origin that has been healthy since the moment `since`. */
  #remembered({ ejections, since }: { ejections: number; since: number }): number {
    let left = ejections;
    let healthyMs = this.#clock.now() - since;
    for (; left > 0; left -= 1) {
      healthyMs -= FORGOTTEN_AFTER * this.#ejectionMs(left);
      if (healthyMs < 0) break;
    }
    return left;
  }

  #ejectionMs(ejections: number): number {
    const { time, maxTime } = this.#setting.options.ejection;
    return Math.min(maxTime, time * 2 ** (ejections - 1));
  }

  #become(state: HealthState): void {
    const changed = state.name !== this.#state.name;
    this.#state = state;
    if (changed) this.#onChange(state);
  }
}
