/** Computes figures from answers: failures, shares, times, and how an origin recovers its share. */

/** @typedef {import('./clients.mjs').Answer} Answer */

const WINDOW_MS = 200;

const ms = (/** @type {Answer} */ [, took]) => took;
const isFailed = (/** @type {Answer} */ [, , status]) => !status.startsWith('2');

/**
 * @param {readonly Answer[]} answers
 * @param {number} share from 0 to 1
 */
export function percentile(answers, share) {
  const sorted = answers.map(ms).sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}

/** @param {readonly Answer[]} answers */
export function failures(answers) {
  /** @type {Record<string, number>} */
  const counts = {};
  for (const [, , status] of answers.filter(isFailed)) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

/**
 * The answers of an origin, divided by its fair share. 1 means as many as if all origins had given the same number.
 * @param {readonly Answer[]} answers
 * @param {string} name
 * @param {number} origins how many there are
 */
export function partOfFairShare(answers, name, origins) {
  return (answers.filter(([, , , origin]) => origin === name).length * origins) / answers.length;
}

/**
 * How an origin that was down recovers its share, compared with an origin that was not down: its requests in the windows of
 * time after its return, divided by those of the other, over all its lives together.
 * @param {readonly Answer[]} answers
 * @param {readonly { from: number, to: number }[]} lives
 * @param {{ name: string, beside: string }} origins
 * @returns {{ fairAfterMs: number | null, most: number, windows: number[] }}
 */
export function recovery(answers, lives, { name, beside }) {
  const shortest = Math.min(...lives.map(({ from, to }) => to - from));
  const count = Number.isFinite(shortest) ? Math.floor(shortest / WINDOW_MS) : 0;
  const windows = Array.from({ length: count }, (_, index) => {
    const within = answers.filter(([at]) => lives.some(({ from }) => isIn(at, from + index * WINDOW_MS)));
    const of = (/** @type {string} */ one) => within.filter(([, , , origin]) => origin === one).length;
    return Math.round((100 * of(name)) / Math.max(1, of(beside))) / 100;
  });
  const fair = windows.findIndex((part) => part >= 0.75);
  return { fairAfterMs: fair < 0 ? null : (fair + 1) * WINDOW_MS, most: Math.max(0, ...windows), windows };
}

const isIn = (/** @type {number} */ at, /** @type {number} */ from) => at >= from && at < from + WINDOW_MS;
