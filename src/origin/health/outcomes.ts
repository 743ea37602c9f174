/** How the requests of a window ended, and how long they took to be answered. */

export interface OutcomeCounts {
  /** Requests that were answered, or failed in a way that speaks against the origin. */
  readonly requests: number;
  /** Those of them that count as failures. */
  readonly failures: number;
  /** Mean milliseconds to the final head of those that were answered well; `undefined` = none was. */
  readonly latencyMs: number | undefined;
}

/** The counts of the window that runs. */
export class Outcomes {
  #requests = 0;
  #failures = 0;
  #answered = 0;
  #sumMs = 0;

  answered(latencyMs: number): void {
    this.#requests += 1;
    this.#answered += 1;
    this.#sumMs += latencyMs;
  }

  failed(): void {
    this.#requests += 1;
    this.#failures += 1;
  }

  /** A request that was counted as answered has failed after all. */
  spoiled(): void {
    // Its answer may have been counted in a window that has ended.
    if (this.#failures < this.#requests) this.#failures += 1;
    else this.failed();
  }

  /** The counts so far. The next window begins. */
  take(): OutcomeCounts {
    const latencyMs = this.#answered === 0 ? undefined : this.#sumMs / this.#answered;
    const counts = { requests: this.#requests, failures: this.#failures, latencyMs };
    this.#requests = 0;
    this.#failures = 0;
    this.#answered = 0;
    this.#sumMs = 0;
    return counts;
  }
}
