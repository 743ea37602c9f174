/** How results are shown: a table on the terminal, Markdown and JSON under bench/results/. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { barOf, median, ratioOf } from './ratios.mjs';

/** @typedef {import('./run.mjs').CaseResult} CaseResult */

const COLUMNS = ['peer', 'CPU µs/request', 'requests/s', 'p50 ms', 'p99 ms', 'ratio (least–most)'];

/**
 * @param {CaseResult} result
 * @returns {string[][]} one row for each peer, as `COLUMNS`
 */
function rows({ peers }) {
  return peers.map((peer, index) => {
    const first = peers[0] ?? peer;
    const middle = (/** @type {(sample: import('./run.mjs').Sample) => number} */ of) => median(peer.samples.map(of));
    const ratio = ratioOf(first, peer);
    return [
      peer.peer,
      middle((sample) => sample.cpuMicroseconds).toFixed(1),
      Math.round(middle((sample) => sample.requestsPerSecond)).toString(),
      middle((sample) => sample.latency.p50).toFixed(2),
      middle((sample) => sample.latency.p99).toFixed(2),
      index === 0 ? '1' : `${ratio.median.toFixed(2)} (${ratio.least.toFixed(2)}–${ratio.most.toFixed(2)})`,
    ];
  });
}

/** @returns {string} */
function barSentence(/** @type {CaseResult} */ result) {
  const bar = barOf(result);
  if (bar === undefined) return '';
  return `Bar: at most ${bar.limit} of ${bar.peer}: ${bar.ratio <= bar.limit ? 'met' : 'missed'} with ${bar.ratio.toFixed(2)}.`;
}

/**
 * @param {CaseResult} result
 * @returns {string} for a terminal
 */
export function describeCase(result) {
  const table = [COLUMNS, ...rows(result)];
  const widths = COLUMNS.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  const lines = table.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  '),
  );
  return [result.what.title, ...lines, barSentence(result)].filter((line) => line !== '').join('\n');
}

/**
 * @param {readonly CaseResult[]} results
 * @param {Record<string, string>} machine
 */
export function writeResults(results, machine) {
  const folder = new URL('../results/', import.meta.url);
  mkdirSync(folder, { recursive: true });
  const cases = results.map(({ what, peers }) => ({ case: what.key, title: what.title, peers }));
  writeFileSync(new URL('proxy.json', folder), `${JSON.stringify({ machine, cases }, undefined, 1)}\n`);
  writeFileSync(new URL('proxy.md', folder), markdown(results, machine));
}

/**
 * @param {readonly CaseResult[]} results
 * @param {Record<string, string>} machine
 */
function markdown(results, machine) {
  const line = (/** @type {string[]} */ cells) => `| ${cells.join(' | ')} |`;
  const tables = results.map((result) =>
    [
      `## ${result.what.title}`,
      '',
      line(COLUMNS),
      line(COLUMNS.map((_, column) => (column === 0 ? '---' : '---:'))),
      ...rows(result).map(line),
      '',
      barSentence(result),
    ]
      .join('\n')
      .trim(),
  );
  const facts = Object.entries(machine).map(([name, value]) => `- ${name}: ${value}`);
  return `# CPU per proxied request

Written by \`npm run bench\`; bench/README.md says how it measures. Medians of the rounds. The ratio is the CPU per request of
the first peer of a table as a part of the peer's in its line, formed within each round: below 1, the first is cheaper.

${facts.join('\n')}

${tables.join('\n\n')}
`;
}
