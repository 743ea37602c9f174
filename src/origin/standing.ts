/** How requests ended, told to the health of their origin; what becomes of it, told to whoever watches. */

import type { Clock } from '../clock.js';
import type { Observer } from '../observe.js';
import { Health, type HealthOptions, type HealthState, type Probe } from './health.js';

export class Standing {
  readonly #origin: string;
  readonly #clock: Clock;
  readonly #observer: Observer;
  readonly #health: Health;
  #probe: Probe | undefined; // the last one

  constructor(origin: string, options: HealthOptions, clock: Clock, observer: Observer) {
    this.#origin = origin;
    this.#clock = clock;
    this.#observer = observer;
    this.#health = new Health(options, clock, (state) => this.#tell(state));
  }

  get state(): HealthState {
    return this.#health.state;
  }

  /** Whether requests may go there now; while it is ejected, only one at a time and only when its time is up. */
  get accepts(): boolean {
    return this.#health.accepts();
  }

  /** A request or a dial begins: it is the probe if one is due. */
  begin(): void {
    if (this.#health.state.name !== 'healthy' && this.#health.accepts()) this.#probe = this.#health.beginProbe();
  }

  succeeded(): void {
    this.#health.succeeded(this.#probe);
  }

  failed(reason: string): void {
    this.#health.failed(reason, this.#probe);
  }

  /** It ended without telling anything about the origin. */
  gaveNoVerdict(): void {
    if (this.#probe !== undefined) this.#health.probeEnded(this.#probe);
  }

  #tell(state: HealthState): void {
    const origin = this.#origin;
    if (state.name === 'healthy') {
      if (this.#observer.watches('readmit')) this.#observer.emit('readmit', { origin });
    } else if (state.name === 'ejected' && this.#observer.watches('eject')) {
      this.#observer.emit('eject', { origin, reason: state.reason, forMs: state.until - this.#clock.now() });
    }
  }
}
