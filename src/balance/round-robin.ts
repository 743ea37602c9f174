/** Each origin in turn, by weight. */

import { anyHasWeight, type Balancer, type Candidate } from './balancer.js';

/**
 * Smooth weighted rotation: in each turn all origins that take part gain credit by their weight. The one with the most credit is
 * picked, and pays what all gained. So an origin of weight 5 beside two of weight 1 is picked 5 times in 7, but never 5 times in a row.
 */
export class Rotation {
  readonly #credits: number[] = []; // by index of the origin; kept by those that do not take part in a turn
  readonly #weights: number[] = []; // by which they gained it
  #sum = 0; // of these weights

  /** The position of the origin whose turn it is, among the candidates for which `takesPart` is true. */
  next(candidates: readonly Candidate[], takesPart: (candidate: Candidate) => boolean): number {
    const weighted = anyHasWeight(candidates);
    let gained = 0;
    let richest = -1;
    let mostCredit = Number.NEGATIVE_INFINITY;
    // By position: entries() would allocate 64 bytes for each candidate of each pick (bench/micro).
    for (let position = 0; position < candidates.length; position += 1) {
      const candidate = candidates[position];
      if (candidate === undefined || !takesPart(candidate)) continue;
      const weight = weighted ? candidate.weight : 1;
      if (weight === 0) continue;
      if (weight !== this.#weights[candidate.index]) this.#reweigh(candidate.index, weight);
      gained += weight;
      const credit = (this.#credits[candidate.index] ?? 0) + weight;
      this.#credits[candidate.index] = credit;
      if (credit <= mostCredit) continue;
      mostCredit = credit;
      richest = position;
    }
    const picked = candidates[richest];
    if (picked !== undefined) this.#credits[picked.index] = (this.#credits[picked.index] ?? 0) - gained;
    return richest;
  }

  /** Credit that was gained beside a heavy origin would be worth many turns in a row when that one is light: it shrinks with the sum. */
  #reweigh(index: number, weight: number): void {
    const before = this.#sum;
    this.#sum += weight - (this.#weights[index] ?? 0);
    this.#weights[index] = weight;
    if (this.#sum >= before) return;
    for (const [at, credit] of this.#credits.entries()) this.#credits[at] = ((credit ?? 0) * this.#sum) / before;
  }
}

const everybody = () => true;

/** The balancer `'round-robin'`. */
export function roundRobin(): Balancer {
  const rotation = new Rotation();
  return { pick: (candidates) => rotation.next(candidates, everybody) };
}
