/** Which of all origins this process uses. */

import type { ResolvedOrigin } from '../options.js';
import { rendezvousSubset, type SubsetChoice } from './rendezvous.js';

/**
 * Backups are chosen apart from the others, so that each process has some of both. An origin of weight 0 takes no place:
 * the next one in the ranking gets it.
 *
 * @param given the origins as they were given, in the order of `origins`
 */
export function subsetOf<T>(
  given: readonly T[],
  origins: readonly ResolvedOrigin[],
  choice: SubsetChoice | undefined,
): readonly T[] {
  if (choice === undefined) return given;
  const weighed = origins.filter(({ weight }) => weight > 0);
  const chosen = [true, false].flatMap((isBackup) => {
    const alike = weighed.filter(({ backup }) => backup === isBackup);
    return rendezvousSubset(alike, ({ origin }) => origin, choice);
  });
  const isChosen = new Set(chosen);
  const places = origins.map((origin) => isChosen.has(origin));
  return given.filter((_, index) => places[index]);
}
