/** Adds up histograms of latencies, and reads from them how long requests took. */

import { BINS, boundMs, type Latency } from '../report.js';
import { duration } from './format.js';

export function sumOf(histograms: Iterable<Latency>): Latency {
  const counts = new Array<number>(BINS).fill(0);
  for (const { from, counts: added } of histograms) {
    for (const [at, count] of added.entries()) counts[from + at] = (counts[from + at] ?? 0) + count;
  }
  return { from: 0, counts };
}

/** The duration in milliseconds that the share `q` of the requests did not exceed; undefined if there were no requests. */
export function quantile(latency: Latency, q: number): number | undefined {
  const total = latency.counts.reduce((all, count) => all + count, 0);
  if (total === 0) return undefined;
  let below = 0;
  for (const [at, count] of latency.counts.entries()) {
    if (count === 0 || below + count < q * total) {
      below += count;
      continue;
    }
    const bin = latency.from + at;
    const upper = boundMs(bin);
    const lower = bin === 0 ? upper / 2 : boundMs(bin - 1);
    // Assumes that the requests of a bin are spread evenly over it, on the logarithmic scale of the bins.
    return lower * (upper / lower) ** Math.max(0, (q * total - below) / count);
  }
  return boundMs(latency.from + latency.counts.length - 1);
}

/** `half within 3 ms, 99 % within 40 ms`; undefined if there were no requests. */
export function inWords(latency: Latency): string | undefined {
  const [middle, high] = [quantile(latency, 0.5), quantile(latency, 0.99)];
  if (middle === undefined || high === undefined) return undefined;
  return `half within ${duration(middle)}, 99 % within ${duration(high)}`;
}

/** The first and the last bin that has requests in it; undefined if there is none. */
export function rangeOf({ from, counts }: Latency): readonly [number, number] | undefined {
  const first = counts.findIndex((count) => count > 0);
  return first < 0 ? undefined : [from + first, from + counts.findLastIndex((count) => count > 0)];
}
