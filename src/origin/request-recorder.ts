/** Records what becomes of the requests that are sent to an origin, where more than one of its parts has to know. */

import type { Concurrency } from './concurrency.js';
import type { OriginParts } from './parts.js';

export class RequestRecorder {
  readonly #parts: OriginParts;
  readonly #concurrency: Concurrency;

  constructor(parts: OriginParts, concurrency: Concurrency) {
    this.#parts = parts;
    this.#concurrency = concurrency;
  }

  /** The final head came, and is for the requester. `begunAt`: the moment at which the attempt began. */
  answered(statusCode: number, begunAt: number): void {
    this.#parts.standing.answered(statusCode, begunAt);
    this.#concurrency.answered(begunAt);
  }

  tunnelBegun(): void {
    this.#parts.tally.countTunnel();
    this.#concurrency.tunnelBegun();
  }
}
