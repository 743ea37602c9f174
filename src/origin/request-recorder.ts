/** Records what becomes of the requests that are sent to an origin, where more than one of its parts has to know. */

import type { Concurrency } from './concurrency.js';
import type { OriginParts } from './parts.js';
import type { PoolEntry } from './pool-entry.js';
import type { Travel } from './travel.js';

export class RequestRecorder {
  readonly #parts: OriginParts;
  readonly #concurrency: Concurrency;

  constructor(parts: OriginParts, concurrency: Concurrency) {
    this.#parts = parts;
    this.#concurrency = concurrency;
  }

  /** A request has a connection, but is not sent yet. */
  heldBack(entry: PoolEntry, travel: Travel): void {
    if (travel === 'fresh') this.#parts.lending.takeFreshShare(entry);
  }

  /** A connection that was checked out begins to carry a request. */
  begun(entry: PoolEntry, travel: Travel, now: number): void {
    const { connection } = entry;
    const { pool, lending, shutdown, standing, tally } = this.#parts;
    shutdown.requestBegun(entry);
    tally.requests += 1;
    if (connection.exchanges > 0) tally.reused += 1;
    entry.idleMsWhenLent = connection.idleMs(now);
    pool.markUsed(entry.slot);
    if (travel === 'fresh') lending.takeFreshShare(entry);
    standing.begin(now); // a listener may end the request, or the backend
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
