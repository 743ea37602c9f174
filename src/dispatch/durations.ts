/** How long exchanges take: what the estimate of a wait lives by. */

const SAMPLES = 1024;
const FEWEST_SAMPLES = 100;

/** Mean of the last 1,024 durations. */
export class Durations {
  readonly #micros = new Float64Array(SAMPLES); // a ring
  #count = 0;
  #next = 0;
  #sum = 0; // of whole microseconds, so that adding and subtracting for ever loses nothing

  add(ms: number): void {
    const micros = Math.round(ms * 1000);
    this.#sum += micros - (this.#micros[this.#next] ?? 0);
    this.#micros[this.#next] = micros;
    this.#next = (this.#next + 1) % SAMPLES;
    if (this.#count < SAMPLES) this.#count += 1;
  }

  /** `undefined` below 100 samples. */
  get meanMs(): number | undefined {
    return this.#count < FEWEST_SAMPLES ? undefined : this.#sum / this.#count / 1000;
  }
}
