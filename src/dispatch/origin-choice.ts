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

  /** The balancer's choice among the eligible origins that suit; one in back-off only when no other does. */
  pick(suits: (origin: Origin) => boolean): Origin | undefined {
    if (this.#origins.length === 1) return this.#origins.find(suits);
    const all = this.eligible().filter(suits);
    const ready = all.filter(isReady);
    const suiting = ready.length > 0 ? ready : all;
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

  /** Where a request is dialled for that was sent to `last` before; `undefined` = nowhere now. */
  redial(last: Origin, preferOther: boolean): Origin | undefined {
    const hasRoom = (one: Origin) => one.canDial || one.canMakeRoom;
    const other = preferOther ? this.pick((one) => one !== last && hasRoom(one)) : undefined;
    return other ?? (hasRoom(last) && this.mayServe(last) ? last : undefined);
  }

  /** The origins that take requests: not ejected, and backups only while no other can. */
  eligible(): readonly Origin[] {
    if (this.#origins.length === 1) return this.#origins; // there is nobody to prefer to it
    const trusted = this.#origins.filter((origin) => origin.standing.accepts);
    const primaries = trusted.filter(isPrimary);
    const backups = trusted.filter(isBackup);
    const hasPrimary = primaries.some(isReady);
    const hasBackup = !hasPrimary && backups.some(isReady);
    const tooFew = this.#origins.length - trusted.length > this.#maxEjected * this.#origins.length;
    const failOpen = !hasBackup && (tooFew || !hasPrimary);
    if (failOpen !== this.#failingOpen) this.#setFailingOpen(failOpen);
    if (hasBackup) return backups;
    if (!failOpen) return primaries;
    return hasPrimary ? this.#origins.filter(isPrimary) : this.#origins;
  }

  /** Whether a connection of this origin, there already, may carry a request. */
  mayServe(origin: Origin): boolean {
    return this.#origins.length === 1 || this.eligible().includes(origin);
  }

  /** An origin whose wait after a failed dial is over, while others serve. */
  get absent(): Origin | undefined {
    if (this.#origins.length === 1) return undefined;
    const absent = this.#origins.find(isAbsent);
    return absent !== undefined && this.eligible().some(isReady) ? absent : undefined;
  }

  /** How many more requests may travel fresh. */
  get freshShareLeft(): number {
    let sum = 0;
    for (const origin of this.eligible()) sum += origin.freshShareLeft;
    return sum;
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

function isReady({ backoff }: Origin): boolean {
  return backoff.state.name === 'ready';
}

function isPrimary({ address }: Origin): boolean {
  return !address.backup;
}

function isBackup({ address }: Origin): boolean {
  return address.backup;
}

function isAbsent({ backoff, standing }: Origin): boolean {
  return backoff.state.name === 'waiting' && backoff.mayDial() && standing.accepts;
}

function candidateOf(origin: Origin, index: number): Candidate {
  const { weight, maxConnections } = origin.address;
  return { ...origin.counts, index, weight, maxConnections };
}
