/** Writes bench/fleet.md, the results of the comparison. */

import { CLIENTS, RATE, SERVICE_MS } from './phases.mjs';

/**
 * The results of one peer.
 * @typedef {object} PeerResult
 * @property {string} name
 * @property {string} version
 * @property {string} setting
 * @property {string} node
 * @property {string} day
 * @property {{ requests: number, failures: Record<string, number>, p50: number, p99: number }} healthy
 * @property {{ requests: number, failures: Record<string, number>, p50: number, p99: number, slowShare: number,
 *   recovery: { fairAfterMs: number | null, most: number, windows: number[] } }} faulty
 * @property {{ failures: Record<string, number>, refused: number[] }} dead
 * @property {{ requests: number, failures: Record<string, number>, slowest: number }} allDie
 */

/** @param {Record<string, number>} failures */
function told(failures) {
  const kinds = Object.entries(failures);
  return kinds.length === 0 ? '0' : kinds.map(([kind, count]) => `**${count}** × ${kind}`).join(', ');
}

const mean = (/** @type {readonly number[]} */ values) =>
  values.reduce((sum, one) => sum + one, 0) / Math.max(1, values.length);
const percent = (/** @type {number} */ part) => `${(100 * part).toFixed(0)} %`;

/** @param {PeerResult} result */
function row({ name, healthy, faulty, dead, allDie }) {
  const { recovery } = faulty;
  const [first = 0, ...later] = dead.refused;
  const ratio = faulty.p99 / healthy.p99;
  return [
    name,
    told(faulty.failures),
    percent(faulty.slowShare),
    `${faulty.p99.toFixed(0)} / ${healthy.p99.toFixed(0)} ms = ${ratio.toFixed(1)}`,
    recovery.fairAfterMs === null ? 'not within its life' : `${recovery.fairAfterMs} ms`,
    recovery.most.toFixed(2),
    String(first),
    mean(later).toFixed(1),
    told(dead.failures),
    told(allDie.failures),
    `${(allDie.slowest / 1000).toFixed(1)} s`,
  ];
}

const COLUMNS = [
  ...['', 'GETs failed', 'part of its fair share that the slow one got', 'p99, by p99 of healthy origins'],
  ...[
    'fair share after a restart',
    'most after a restart',
    'dials refused in the first second',
    'and in each later one',
  ],
  ...['GETs failed with one dead', 'GETs failed when all die and return', 'slowest of those'],
];

/** @param {readonly PeerResult[]} results */
export function report(results) {
  const lines = results.map((result) => `| ${row(result).join(' | ')} |`);
  const settings = results.map(({ name, version, setting }) => `- ${name} ${version}: \`${setting}\``);
  return `# A fleet with faults

Written by \`npm run bench:fleet\`, on Node ${results[0]?.node}, the last run on ${results
    .map(({ day }) => day)
    .sort()
    .at(-1)}.

${CLIENTS} client connections send ${RATE} GETs a second through each peer to four origins. A healthy origin takes ${SERVICE_MS} ms. In the
first columns one is healthy, one takes ten times as long, one answers 500 to every third request, and one is killed (SIGKILL)
every 2 s and back half a second later. Then one of four is dead all the time; then all are killed and are back after a second
and a half. Each peer has 50 connections to each origin.

| ${COLUMNS.join(' | ')} |
| --- |${' ---: |'.repeat(COLUMNS.length - 1)}
${lines.join('\n')}

- **GETs failed**: as the clients saw it, by status or error code. The 500s of the origin that fails are among them.
- **Part of its fair share**: a quarter of the answers would be 100 %.
- **After a restart**: requests to the origin that is back, beside those to the healthy one, in windows of 200 ms over all its
  restarts: when the windows reach 0.75, and the highest of them. 1 is as many as the healthy one has.
- **Dials refused**: connection attempts that the kernel refused, of the whole machine, while one origin is dead.

The settings, beside origins and connections:

${settings.join('\n')}
`;
}
