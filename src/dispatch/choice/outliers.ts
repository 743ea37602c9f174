/** Finds the origins that fail much more often, or are much slower, than the others, window by window. */

import type { ResolvedEjection, ResolvedOutliers } from '../../options.js';
import type { OutcomeCounts } from '../../origin/health/outcomes.js';
import type { Origin } from '../../origin/origin.js';
import type { Deadline, Deadlines } from '../../time/deadlines.js';

export type OutlierLimits = Omit<ResolvedOutliers, 'window'>;

/**
 * Positions of the outliers, the worst first. Envoy's algorithm for success rates: only origins with enough requests are
 * compared, and only if there are enough such origins. An outlier has a success rate that is below the mean of all by more than
 * `deviations` standard deviations. We add a margin: if nearly all requests succeed, the deviation is so small that one failure
 * in a thousand would make an outlier.
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

/** One origin that is too slow: where it is in the list, and the most milliseconds that the others let it take. */
export interface SlowOrigin {
  readonly position: number;
  readonly mostMs: number;
}

/**
 * The origins, the slowest first, whose mean latency is more than `slowness` times the median of the others. Only origins with
 * enough requests are compared, and only if there are enough such origins. A median, so that a second slow origin does not hide
 * the first.
 */
export function findSlow(counts: readonly OutcomeCounts[], limits: OutlierLimits): readonly SlowOrigin[] {
  const { slowness } = limits;
  if (slowness === false) return [];
  const rated = counts.flatMap(({ requests, latencyMs }, position) =>
    latencyMs === undefined || requests < limits.requests ? [] : [{ position, latencyMs }],
  );
  if (rated.length < limits.origins) return [];
  // Once, and not for each origin: there may be thousands, and requests wait meanwhile.
  rated.sort((one, other) => other.latencyMs - one.latencyMs);
  const latencies = rated.map(({ latencyMs }) => latencyMs);
  return rated
    .map(({ position, latencyMs }, rank) => ({
      position,
      latencyMs,
      mostMs: slowness * medianWithout(rank, latencies),
    }))
    .filter(({ latencyMs, mostMs }) => latencyMs > mostMs)
    .map(({ position, mostMs }) => ({ position, mostMs }));
}

/** The median of what is left of a sorted list without its element of that rank. */
function medianWithout(rank: number, sorted: readonly number[]): number {
  const left = sorted.length - 1;
  const at = (index: number) => sorted[index < rank ? index : index + 1] ?? 0;
  return (at(Math.ceil(left / 2) - 1) + at(Math.floor(left / 2))) / 2;
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** What is watched of the option `ejection`. */
export type WatchedEjection = Pick<ResolvedEjection, 'outliers' | 'maxEjected'>;

/** Ends the window of all origins at the same moment, and ejects outliers until the share `maxEjected` of the origins is out. */
export class OutlierWatch {
  #options: ResolvedOutliers | false = false;
  #maxEjected = 0;
  readonly #origins: () => readonly Origin[];
  readonly #windowEnd: Deadline;

  /** `origins` gives the origins of the moment. */
  constructor(ejection: WatchedEjection, deadlines: Deadlines, origins: () => readonly Origin[]) {
    this.#origins = origins;
    this.#windowEnd = deadlines.create(() => this.#judge());
    this.configure(ejection);
  }

  /** Sets other bounds, for the end of the present window. If the length of the window is another, a new window begins now. */
  configure({ outliers, maxEjected }: WatchedEjection): void {
    const before = this.#options === false ? undefined : this.#options.window;
    this.#options = outliers;
    this.#maxEjected = maxEjected;
    if (outliers === false) this.#windowEnd.clear();
    else if (outliers.window !== before) this.#windowEnd.set(outliers.window);
  }

  close(): void {
    this.#windowEnd.clear();
  }

  #judge(): void {
    const options = this.#options;
    if (options === false) return;
    this.#windowEnd.set(options.window);
    const origins = this.#origins();
    const counts = origins.map(({ standing }) => standing.endWindow());
    for (const position of findOutliers(counts, options)) {
      this.#eject(origins, position, (standing) => standing.eject('low_success_rate'));
    }
    for (const { position, mostMs } of findSlow(counts, options)) {
      this.#eject(origins, position, (standing) => standing.ejectSlow(mostMs));
    }
  }

  #eject(origins: readonly Origin[], position: number, eject: (standing: Origin['standing']) => void): void {
    const standing = origins[position]?.standing;
    if (standing?.state.name !== 'healthy') return;
    const out = origins.filter((one) => one.standing.state.name !== 'healthy').length;
    if (out < Math.floor(this.#maxEjected * origins.length)) eject(standing);
  }
}
