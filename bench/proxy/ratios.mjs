/** Computes the compared numbers from samples: medians, and ratios within each round. */

/** @typedef {import('./rounds.mjs').PeerSamples} PeerSamples */
/** @typedef {import('./cases.mjs').Measure} Measure */
/** @typedef {{ median: number, least: number, most: number }} Ratio */

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
 * Our number divided by the other's. There is one ratio for each round.
 * @param {PeerSamples} ours
 * @param {PeerSamples} other
 * @param {Exclude<Measure, 'heap'>} [measure]
 * @returns {Ratio}
 */
export function ratioOf(ours, other, measure = 'cpu') {
  const ratios = ours.samples.map((sample, round) => sample[measure] / (other.samples[round]?.[measure] ?? Number.NaN));
  return { median: median(ratios), least: Math.min(...ratios), most: Math.max(...ratios) };
}

/**
 * A target, and what was measured. `ratio` is undefined if a peer did not take part.
 * @typedef {import('./cases.mjs').Target & { ratio: number | undefined, met: boolean | undefined }} Outcome
 */

/**
 * @param {import('./rounds.mjs').CaseResult} result
 * @returns {Outcome[]} the result of the case for each of its targets
 */
export function outcomesOf({ what, peers }) {
  const named = (/** @type {string | undefined} */ name) => peers.find(({ peer }) => peer === name);
  return what.targets.map((target) => {
    const ours = target.ours === undefined ? peers[0] : named(target.ours);
    const other = named(target.peer);
    if (ours === undefined || other === undefined) return { ...target, ratio: undefined, met: undefined };
    const floor = named('node:http from memory')?.heap ?? 0;
    const ratio =
      target.measure === 'heap'
        ? ((ours.heap ?? Number.NaN) - floor) / ((other.heap ?? Number.NaN) - floor)
        : ratioOf(ours, other, target.measure).median;
    const { most = Number.POSITIVE_INFINITY, least = Number.NEGATIVE_INFINITY } = target;
    return { ...target, ratio, met: ratio <= most && ratio >= least };
  });
}
