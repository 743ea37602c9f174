/** Which origin a request goes to, among those that can take it. */

import type { Balancer, Candidate } from '../balance/balancer.js';
import type { Observer } from '../observe.js';
import type { Origin } from '../origin/origin.js';

export class OriginChoice {
  readonly #origins: readonly Origin[];
  readonly #balancer: Balancer;
  readonly #maxEjected: number;
  readonly #observer: Observer;
  #failingOpen = false;

  /** `maxEjected` is the share of the origins that may be left out, 0 to 1. */
  constructor(origins: readonly Origin[], balancer: Balancer, maxEjected: number, observer: Observer) {
    this.#origins = origins;
    this.#balancer = balancer;
    this.#maxEjected = maxEjected;
    this.#observer = observer;
  }

  /** The balancer's choice among the eligible origins that suit. */
  pick(suits: (origin: Origin) => boolean): Origin | undefined {
    const suiting = this.eligible().filter(suits);
    if (suiting.length <= 1) return suiting[0];
    return suiting[this.#ask(suiting)] ?? suiting[0];
  }

  /** A balancer of the owner's that fails must not cost a request: the first candidate takes its place. */
  #ask(suiting: readonly Origin[]): number {
    const candidates = suiting.map((origin) => candidateOf(origin, this.#origins.indexOf(origin)));
    try {
      const index = this.#balancer.pick(candidates);
      if (suiting[index] !== undefined) return index;
      this.#tellBalancer(new RangeError(`the balancer picked ${index} of ${suiting.length} candidates`));
    } catch (error) {
      this.#tellBalancer(error);
    }
    return 0;
  }

  #tellBalancer(error: unknown): void {
    if (this.#observer.watches('balanceFailed')) this.#observer.emit('balanceFailed', { error });
  }

  /** The origins that take requests: not ejected, and backups only when no other can. */
  eligible(): readonly Origin[] {
    if (this.#origins.length === 1) return this.#origins; // there is nobody to prefer to it
    const trusted = this.#origins.filter((origin) => origin.standing.accepts);
    const failOpen = this.#origins.length - trusted.length > this.#maxEjected * this.#origins.length;
    if (failOpen !== this.#failingOpen) this.#setFailingOpen(failOpen);
    const open = failOpen ? this.#origins : trusted;
    const primaries = open.filter((origin) => !origin.address.backup);
    const serving = primaries.some((origin) => origin.backoff.mayDial() || origin.hasConnectionFor('any'));
    if (serving || primaries.length === open.length) return primaries;
    return open.filter((origin) => origin.address.backup);
  }

  /** Connections that can be had, for the estimate of a wait. */
  usableConnections(): number {
    let sum = 0;
    for (const { address } of this.eligible()) sum += address.maxConnections;
    return sum;
  }

  #setFailingOpen(failOpen: boolean): void {
    this.#failingOpen = failOpen;
    if (!failOpen || !this.#observer.watches('failOpen')) return;
    this.#observer.emit('failOpen', { origins: this.#origins.map((origin) => origin.address.origin) });
  }
}

function candidateOf(origin: Origin, index: number): Candidate {
  const { weight, maxConnections } = origin.address;
  return { ...origin.counts, index, weight, maxConnections };
}
