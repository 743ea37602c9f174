/**
 * 10,000 processes in front of 1,000 origins, each process with a subset of them: how many processes an origin serves, how
 * evenly they are spread, and what changes when an origin comes or goes. It only computes, with the code of the library, and
 * opens nothing. For other numbers: `node bench/scenarios/subset.mjs PROCESSES ORIGINS`.
 */

import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';

const [PROCESSES = 10_000, ORIGINS = 1_000] = process.argv.slice(2).map(Number);
const SIZES = [5, 10, 20, 50, 100];

const source = fileURLToPath(new URL('../../src/fleet/rendezvous.ts', import.meta.url));
const { outputFiles } = buildSync({ entryPoints: [source], bundle: true, format: 'esm', write: false });
const { rendezvousSubset } = await import(`data:text/javascript,${encodeURIComponent(outputFiles[0]?.text ?? '')}`);

const origins = Array.from({ length: ORIGINS }, (_, n) => `http://10.1.${n >> 8}.${n & 255}:8080`);
const ids = Array.from({ length: PROCESSES }, (_, n) => `web-${n}`);
const itself = (/** @type {string} */ name) => name;

/**
 * @param {readonly string[]} from
 * @param {number} size
 * @returns {ReadonlySet<string>[]} by process
 */
function subsets(from, size) {
  return ids.map((id) => new Set(rendezvousSubset(from, itself, { size, id })));
}

/**
 * How many processes use each origin.
 *
 * @param {readonly ReadonlySet<string>[]} all
 */
function uses(all) {
  const counts = new Map(origins.map((origin) => [origin, 0]));
  for (const subset of all) for (const origin of subset) counts.set(origin, (counts.get(origin) ?? 0) + 1);
  return [...counts.values()].sort((a, b) => a - b);
}

/**
 * @param {readonly ReadonlySet<string>[]} before
 * @param {readonly ReadonlySet<string>[]} after
 */
function churn(before, after) {
  let [processes, places, most] = [0, 0, 0];
  for (const [index, subset] of after.entries()) {
    const come = [...subset].filter((origin) => before[index]?.has(origin) !== true).length;
    processes += come > 0 ? 1 : 0;
    places += come;
    most = Math.max(most, come);
  }
  return { processes, places, most };
}

const percent = (/** @type {number} */ share) => `${(100 * share).toFixed(2)} %`;
const row = (/** @type {readonly (string | number)[]} */ cells) => console.log(`| ${cells.join(' | ')} |`);
let failed = false;

row(['`size`', 'origins a process', 'processes an origin: mean', 'deviation', 'least', 'most', 'most / mean']);
row(Array.from({ length: 7 }, () => '---'));
for (const size of SIZES) {
  const counts = uses(subsets(origins, size));
  const mean = counts.reduce((sum, count) => sum + count, 0) / ORIGINS;
  const deviation = Math.sqrt(counts.reduce((sum, count) => sum + (count - mean) ** 2, 0) / ORIGINS);
  const [least = 0, most = 0] = [counts[0], counts.at(-1)];
  row([size, size, mean, deviation.toFixed(1), least, most, (most / mean).toFixed(2)]);
  // A random choice would be binomial. A deviation that is larger by a fifth means a bad hash.
  failed ||= deviation > 1.2 * Math.sqrt(mean * (1 - size / ORIGINS)) || least === 0;
}
row([`all ${ORIGINS}`, ORIGINS, PROCESSES, '0.0', PROCESSES, PROCESSES, '1.00']);

const size = 20;
const before = subsets(origins, size);
const without = subsets(origins.slice(1), size);
const added = subsets([...origins, 'http://10.2.0.1:8080'], size);
const renamed = origins.map((origin, n) => (n < ORIGINS / 10 ? `http://10.3.0.${n}:8080` : origin));
console.log(`\nWith a size of ${size}:\n`);
row(['change', 'processes that change', 'connections that move', 'most in one process']);
row(Array.from({ length: 4 }, () => '---'));
for (const [name, after] of /** @type {const} */ ([
  ['one origin goes', without],
  ['one origin comes', added],
  ['a tenth of the origins gets new addresses', subsets(renamed, size)],
  ['every process restarts, with its name', subsets(origins, size)],
])) {
  const { processes, places, most } = churn(before, after);
  row([name, percent(processes / PROCESSES), percent(places / (PROCESSES * size)), most]);
}
failed ||= churn(before, without).most > 1 || churn(before, added).most > 1;
process.exitCode = failed ? 1 : 0;
