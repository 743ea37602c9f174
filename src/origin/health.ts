/** Whether an origin is trusted with requests, judged by how those before ended. */

import type { Clock } from '../clock.js';

export interface HealthOptions {
  /** Failures in a row that eject. `Infinity`: never ejected. */
  readonly failures: number;
  /** Milliseconds of the first ejection; each further one lasts twice as long. */
  readonly time: number;
  /** Milliseconds of the longest ejection. */
  readonly maxTime: number;
}

/** Moments are of the clock. `ejections` counts those that are not yet forgotten. */
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
      readonly reason: string;
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
    };

/** The one request that may visit an ejected origin. Whoever runs it hands it back with the verdict. */
export interface Probe {
  /** What the origin was ejected for. */
  readonly reason: string;
}

// An ejection is forgotten after a healthy stretch ten times as long, so an origin that fails again and again is in
// service for at most that share of the time before it is ejected for longer.
const FORGOTTEN_AFTER = 10;

/**
 * ```
 *    healthy ──failures in a row──▶ ejected ──beginProbe, when due──▶ probing
 *    ejected, longer ◀──failed── probing
 *    ejected, due    ◀──probeEnded── probing
 *    healthy         ◀──succeeded── probing
 * ```
 * Fails open in no way of its own: whoever asks decides what to do when all origins are ejected.
 */
export class Health {
  readonly #options: HealthOptions;
  readonly #clock: Clock;
  readonly #onChange: (state: HealthState) => void;
  #state: HealthState = { name: 'healthy', failuresInARow: 0, ejections: 0, since: Number.NEGATIVE_INFINITY };

  /** `onChange` is called with the new state whenever its name changes. */
  constructor(options: HealthOptions, clock: Clock, onChange: (state: HealthState) => void = () => {}) {
    this.#options = options;
    this.#clock = clock;
    this.#onChange = onChange;
  }

  get state(): HealthState {
    return this.#state;
  }

  /** Whether a request may go there now; while it is not healthy, only as a probe. */
  accepts(): boolean {
    return this.#state.name === 'healthy' || this.#clock.now() >= this.#state.until;
  }

  /**
   * The next request is the probe. One that got no verdict within `maxTime` counts no longer, and another may begin.
   * @throws Error when the origin is healthy, ejected and not due, or being probed.
   */
  beginProbe(): Probe {
    const state = this.#state;
    if (state.name === 'healthy' || !this.accepts()) throw new Error(`cannot probe an origin that is ${state.name}`);
    const probe: Probe = { reason: state.name === 'ejected' ? state.reason : state.probe.reason };
    const until = this.#clock.now() + this.#options.maxTime;
    this.#become({ name: 'probing', until, ejections: state.ejections, probe, since: state.since });
    return probe;
  }

  /** A request failed in a way that speaks against the origin. Pass its probe when it was one. */
  failed(reason: string, probe?: Probe): void {
    const state = this.#state;
    switch (state.name) {
      case 'healthy': {
        const failuresInARow = state.failuresInARow + 1;
        if (failuresInARow >= this.#options.failures)
          this.#eject(this.#remembered(state) + 1, reason, this.#clock.now());
        else this.#state = { ...state, failuresInARow };
        return;
      }
      case 'ejected':
        return; // sent before the ejection: nothing new
      case 'probing':
        if (probe === state.probe) this.#eject(state.ejections + 1, reason, state.since);
    }
  }

  /** A request was answered. Pass its probe when it was one. */
  succeeded(probe?: Probe): void {
    const state = this.#state;
    switch (state.name) {
      case 'healthy':
        if (state.failuresInARow > 0) this.#state = { ...state, failuresInARow: 0 };
        return;
      case 'ejected':
        return; // sent before the ejection: older news than the failures
      case 'probing':
        if (probe !== state.probe) return;
        this.#become({
          name: 'healthy',
          failuresInARow: 0,
          ejections: state.ejections,
          since: this.#clock.now(),
        });
    }
  }

  /** The request of the probe is over. Without a verdict so far, another probe may begin at once. */
  probeEnded(probe: Probe): void {
    const state = this.#state;
    if (state.name !== 'probing' || state.probe !== probe) return;
    const { ejections, since } = state;
    this.#become({ name: 'ejected', until: this.#clock.now(), ejections, reason: probe.reason, since });
  }

  #eject(ejections: number, reason: string, since: number): void {
    this.#become({ name: 'ejected', until: this.#clock.now() + this.#ejectionMs(ejections), ejections, reason, since });
  }

  /** Ejections that still count against a healthy origin. */
  #remembered({ ejections, since }: { ejections: number; since: number }): number {
    const healthyMs = this.#clock.now() - since;
    return ejections > 0 && healthyMs < FORGOTTEN_AFTER * this.#ejectionMs(ejections) ? ejections : 0;
  }

  #ejectionMs(ejections: number): number {
    return Math.min(this.#options.maxTime, this.#options.time * 2 ** (ejections - 1));
  }

  #become(state: HealthState): void {
    const changed = state.name !== this.#state.name;
    this.#state = state;
    if (changed) this.#onChange(state);
  }
}
