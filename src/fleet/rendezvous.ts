/**
 * Which origins one of many processes uses: rendezvous hashing (Thaler and Ravishankar, "Using name-based mappings to
 * increase hit rates", 1998). Each process ranks all origins by a hash of both names and takes the first ones, so no
 * process has to know of another, and an origin that comes or goes changes at most one place in each subset.
 */

import { hashOf, mixed } from '../balance/name-hash.js';

/** For which process a subset is, and how large it is. */
export interface SubsetChoice {
  /** Origins that one process uses, from 1. */
  readonly size: number;
  /** Name of the process, different from all others and the same after a restart: of a pod, or host and number of a worker. */
  readonly id: string;
}

/** The `size` items that rank highest for this process, in the order in which they were given. All, if there are no more. */
export function rendezvousSubset<T>(
  items: readonly T[],
  nameOf: (item: T) => string,
  { size, id }: SubsetChoice,
): readonly T[] {
  if (items.length <= size) return items;
  const idHash = hashOf(id);
  const ranked = items.map((item, index) => {
    const name = nameOf(item);
    return { index, name, score: mixed(hashOf(name) ^ idHash) };
  });
  // Two names with the same hash must be ranked alike by every process that ever sees them, in whatever order.
  ranked.sort((a, b) => b.score - a.score || (a.name < b.name ? -1 : 1));
  const chosen = new Set(ranked.slice(0, size).map(({ index }) => index));
  return items.filter((_, index) => chosen.has(index));
}
