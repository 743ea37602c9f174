/** How long a wait will be, estimated from how long exchanges have taken. */

const SAMPLES = 1024;
const FEWEST_SAMPLES = 100;

const LONGEST_RETRY_AFTER_S = 30;

/** Estimates by the mean of the last 1,024 exchanges. */
export class WaitEstimate {
  readonly #micros = new Float64Array(SAMPLES); // a ring
  #count = 0;
  #next = 0;
  #sum = 0; // of whole microseconds, so that adding and subtracting for ever loses nothing

  /** An exchange was answered, and took this long. */
  observe(ms: number): void {
    const micros = Math.round(ms * 1000);
    this.#sum += micros - (this.#micros[this.#next] ?? 0);
    this.#micros[this.#next] = micros;
    this.#next = (this.#next + 1) % SAMPLES;
    if (this.#count < SAMPLES) this.#count += 1;
  }

  /**
   * Milliseconds until `usable` connections would have served `waiting` requests. `undefined` with fewer than 100 samples, or
   * while no connection is usable: then nobody can tell.
   */
  ms(waiting: number, usable: number): number | undefined {
    if (this.#count < FEWEST_SAMPLES || usable <= 0) return undefined;
    const meanMs = this.#sum / this.#count / 1000;
    return (waiting * meanMs) / usable;
  }

  /** The same for a Retry-After field: whole seconds, 1 to 30. */
  retryAfterSeconds(waiting: number, usable: number): number {
    const seconds = Math.ceil((this.ms(waiting, usable) ?? 0) / 1000);
    return Math.min(Math.max(seconds, 1), LONGEST_RETRY_AFTER_S);
  }
}
