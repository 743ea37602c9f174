/** Finds the origins that fail much more often than the others, window by window. */

import type { Deadline, Deadlines } from '../deadlines.js';
import type { ResolvedOutliers } from '../options.js';
import type { Origin } from '../origin/origin.js';
import type { OutcomeCounts } from '../origin/outcomes.js';

export type OutlierLimits = Omit<ResolvedOutliers, 'window'>;

/**
 * Positions of the outliers, the worst first. Envoy's algorithm for success rates: of the origins with enough requests, if
 * they are enough, those are outliers whose success rate is below the mean of all by more than so many standard deviations.
 * To that we add a margin: where nearly all succeeds, the deviation is so small that one failure in a thousand would do.
 *
 * Of n origins, one that differs from all others is √(n − 1) deviations away from the mean, however bad it is: 1.73 for
 * four, 2 for five.
 *
 * Source: Envoy, "Outlier detection", section "Success Rate",
 * https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/outlier
 */
export function findOutliers(counts: readonly OutcomeCounts[], limits: OutlierLimits): readonly number[] {
  const rated = counts
    .map(({ requests, failures }, position) => ({ position, requests, rate: 1 - failures / requests }))
    .filter(({ requests }) => requests >= limits.requests);
  if (rated.length < limits.origins) return [];
  const mean = meanOf(rated.map(({ rate }) => rate));
  const deviation = Math.sqrt(meanOf(rated.map(({ rate }) => (rate - mean) ** 2)));
  const least = Math.min(mean - limits.deviations * deviation, mean - limits.margin);
  return rated
    .filter(({ rate }) => rate < least)
    .sort((one, other) => one.rate - other.rate)
    .map(({ position }) => position);
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Ends the window of all origins at once, and ejects the outliers as far as the share of those that are out allows. */
export class OutlierWatch {
  readonly #options: ResolvedOutliers;
  readonly #maxEjected: number;
  readonly #origins: () => readonly Origin[];
  readonly #windowEnd: Deadline;

  /** `origins` are those of the moment. */
  constructor(options: ResolvedOutliers, maxEjected: number, deadlines: Deadlines, origins: () => readonly Origin[]) {
    this.#options = options;
    this.#maxEjected = maxEjected;
    this.#origins = origins;
    this.#windowEnd = deadlines.create(() => this.#judge());
    this.#windowEnd.set(options.window);
  }

  close(): void {
    this.#windowEnd.clear();
  }

  #judge(): void {
    this.#windowEnd.set(this.#options.window);
    const origins = this.#origins();
    const counts = origins.map(({ standing }) => standing.endWindow());
    const most = Math.floor(this.#maxEjected * origins.length);
    let out = origins.filter(({ standing }) => standing.state.name !== 'healthy').length;
    for (const position of findOutliers(counts, this.#options)) {
      const standing = origins[position]?.standing;
      if (standing?.state.name !== 'healthy') continue;
      if (out >= most) return;
      standing.eject('low_success_rate');
      out += 1;
    }
  }
}
