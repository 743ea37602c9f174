/** How many requests of a window ended badly. */

export interface OutcomeCounts {
  /** Requests that were answered, or failed in a way that speaks against the origin. */
  readonly requests: number;
  /** Those of them that count as failures. */
  readonly failures: number;
}

/** The counts of the window that runs. */
export class Outcomes {
  #requests = 0;
  #failures = 0;

  answered(): void {
    this.#requests += 1;
  }

  failed(): void {
    this.#requests += 1;
    this.#failures += 1;
  }

  /** A request that was counted as answered came to a bad end after all. */
  spoiled(): void {
    // Its answer may have been counted in a window that has ended.
    if (this.#failures < this.#requests) this.#failures += 1;
    else this.failed();
  }

  /** The counts so far. The next window begins. */
  take(): OutcomeCounts {
    const counts = { requests: this.#requests, failures: this.#failures };
    this.#requests = 0;
    this.#failures = 0;
    return counts;
  }
}
