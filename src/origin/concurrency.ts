/** How many requests an origin may have at once: as many as connections, or fewer if a limit was learned for it. */

import { GradientLimit, type GradientSnapshot } from './gradient-limit.js';
import type { OriginChecks } from './health/origin-checks.js';
import type { OriginParts } from './parts.js';

export class Concurrency {
  readonly #parts: OriginParts;
  readonly #checks: OriginChecks;
  #limit: GradientLimit | undefined; // with the option `adaptiveConcurrency`

  constructor(parts: OriginParts, checks: OriginChecks) {
    this.#parts = parts;
    this.#checks = checks;
    this.configure();
  }

  /** Follows the options as they are now. */
  configure(): void {
    const { clock, options } = this.#parts.setting;
    const { adaptiveConcurrency } = options;
    if (adaptiveConcurrency === false) this.#limit = undefined;
    else {
      this.#limit ??= new GradientLimit(adaptiveConcurrency, this.#maxConnections, clock);
      this.#limit.configure(adaptiveConcurrency, this.#maxConnections);
    }
  }

  get snapshot(): GradientSnapshot | null {
    return this.#limit?.snapshot ?? null;
  }

  /** Whether the origin may have one request more. `lent`: how many of its connections are busy without a request. */
  mayBegin(lent = 0): boolean {
    return this.#limit === undefined || this.#underWay - lent < this.#limit.limit;
  }

  /** Whether the origin has more requests than it may have: then a connection that counts as lent must not be handed on. */
  get isOverfull(): boolean {
    return this.#limit !== undefined && this.#underWay > this.#limit.limit;
  }

  /** How many requests the origin may have at once. */
  get most(): number {
    return this.#limit === undefined ? this.#maxConnections : Math.min(this.#maxConnections, this.#limit.limit);
  }

  /** How many more requests it may have on connections that are being dialled for the stock: waiting requests get them first. */
  get onStock(): number {
    const { stocking } = this.#parts.dialler;
    return this.#limit === undefined ? stocking : Math.max(0, Math.min(stocking, this.#limit.limit - this.#underWay));
  }

  /** A request that was begun at the moment `begunAt` was answered. */
  answered(begunAt: number): void {
    if (this.#limit !== undefined) this.#learn(this.#limit, begunAt);
  }

  /** A connection has become a tunnel: it counts as a request no longer, however long it lasts. */
  tunnelBegun(): void {
    if (this.#limit !== undefined) this.#parts.demand.room();
  }

  #learn(limit: GradientLimit, begunAt: number): void {
    const { clock, observer } = this.#parts.setting;
    const now = clock.now();
    const isOther = limit.observe(now - begunAt, this.#answering, now);
    if (!isOther) return;
    this.#parts.demand.changed();
    this.#parts.demand.room();
    if (!observer.watches('concurrencyLimit')) return;
    observer.emit('concurrencyLimit', { origin: this.#parts.origin.name, ...limit.snapshot });
  }

  get #maxConnections(): number {
    return this.#parts.origin.options.maxConnections;
  }

  get #answering(): number {
    return this.#parts.pool.busy - this.#parts.tally.tunnels.open;
  }

  /** Requests that count for the limit. A dial for the stock brings no request, and may take as long as it likes. */
  get #underWay(): number {
    const { pool, dialler } = this.#parts;
    return this.#answering + pool.dialling - this.#checks.slots - dialler.stocking;
  }
}
