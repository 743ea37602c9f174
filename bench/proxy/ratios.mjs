/** From samples to the numbers that are compared: medians, and ratios formed within each round. */

/** @typedef {import('./run.mjs').PeerSamples} PeerSamples */

/**
 * @param {readonly number[]} values
 * @returns {number}
 */
export function median(values) {
  const sorted = [...values].sort((one, other) => one - other);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

/**
 * Our CPU per request as a part of the other's, one ratio for each round.
 * @param {PeerSamples} ours
 * @param {PeerSamples} other
 * @returns {{ median: number, least: number, most: number }}
 */
export function ratioOf(ours, other) {
  const ratios = ours.samples.map(
    (sample, round) => sample.cpuMicroseconds / (other.samples[round]?.cpuMicroseconds ?? Number.NaN),
  );
  return { median: median(ratios), least: Math.min(...ratios), most: Math.max(...ratios) };
}

/**
 * @param {import('./run.mjs').CaseResult} result
 * @returns {{ peer: string, ratio: number, limit: number } | undefined} how the case stands against its bar, if it has one
 */
export function barOf({ what, peers }) {
  const ours = peers[0];
  const other = peers.find(({ peer }) => peer === what.bar?.peer);
  if (what.bar === undefined || ours === undefined || other === undefined) return undefined;
  return { peer: other.peer, ratio: ratioOf(ours, other).median, limit: what.bar.ratio };
}
