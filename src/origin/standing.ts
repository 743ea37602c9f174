/** How requests ended, told to the health of their origin; what becomes of it, told to whoever watches. */

import type { Clock } from '../clock.js';
import type { Deadline, Deadlines } from '../deadlines.js';
import type { Observer } from '../observe.js';
import { Health, type HealthOptions, type HealthState, type Probe } from './health.js';

export class Standing {
  readonly #origin: string;
  readonly #clock: Clock;
  readonly #observer: Observer;
  readonly #health: Health;
  readonly #due: Deadline;
  readonly #onDue: () => void;
  #probe: Probe | undefined; // the last one

  /** `onDue` is called when an ejection is over: whoever waits may try it. */
  constructor(
    origin: string,
    options: HealthOptions,
    {
      clock,
      deadlines,
      observer,
    }: { readonly clock: Clock; readonly deadlines: Deadlines; readonly observer: Observer },
    onDue: () => void,
  ) {
    this.#origin = origin;
    this.#clock = clock;
    this.#observer = observer;
    this.#due = deadlines.create(() => this.#isDue());
    this.#onDue = onDue;
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

  /** Nobody will ask any more. */
  close(): void {
    this.#due.clear();
  }

  #isDue(): void {
    // A hair before its time nobody would try it, and nothing would come to ask again.
    if (this.#health.state.name === 'ejected' && !this.#health.accepts()) this.#due.set(1);
    else this.#onDue();
  }

  #tell(state: HealthState): void {
    const origin = this.#origin;
    if (state.name === 'healthy') {
      if (this.#observer.watches('readmit')) this.#observer.emit('readmit', { origin });
    } else if (state.name === 'ejected') {
      const forMs = state.until - this.#clock.now();
      this.#due.set(forMs);
      if (forMs > 0 && this.#observer.watches('eject'))
        this.#observer.emit('eject', { origin, reason: state.reason, forMs });
    }
  }
}
