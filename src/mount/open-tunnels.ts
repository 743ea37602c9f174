/** The open tunnels of a backend. */

import type { Splice } from './splice.js';

export class OpenTunnels {
  readonly #open = new Set<Splice>();
  #waiting: (() => void)[] = []; // for the last one to close

  add(splice: Splice): void {
    this.#open.add(splice);
  }

  delete(splice: Splice): void {
    this.#open.delete(splice);
    if (this.#open.size > 0) return;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** Resolves when none is open. */
  allClosed(): Promise<void> {
    if (this.#open.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Ends the open tunnels: both sides take what is on its way to them, then have a moment to close. */
  end(): void {
    for (const splice of this.#open) splice.end();
  }

  destroy(): void {
    for (const splice of this.#open) splice.destroy();
  }
}
