/** Promises that wait for conditions: each resolves at the first `look()` at which its condition holds. */

interface Condition {
  readonly holds: () => boolean;
  readonly resolve: () => void;
}

export class Awaited {
  #conditions: Condition[] = [];

  until(holds: () => boolean): Promise<void> {
    if (holds()) return Promise.resolve();
    return new Promise((resolve) => this.#conditions.push({ holds, resolve }));
  }

  /** Something has changed. */
  look(): void {
    if (this.#conditions.length === 0) return;
    const left: Condition[] = [];
    for (const condition of this.#conditions) {
      if (condition.holds()) condition.resolve();
      else left.push(condition);
    }
    this.#conditions = left;
  }
}
