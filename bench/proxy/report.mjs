/** Shows results: a table on the terminal, Markdown and JSON in bench/results/. */

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { CASES } from './cases.mjs';
import { median, outcomesOf, ratioOf } from './ratios.mjs';

/** @typedef {import('./rounds.mjs').CaseResult} CaseResult */
/** @typedef {Record<string, string>} Machine */
/** The last measurement of one case. @typedef {{ case: string, machine: Machine, peers: CaseResult['peers'] }} Kept */

const COLUMNS = ['peer', 'CPU µs', 'ratio (least–most)', 'requests/s', 'p50 ms', 'p99 ms', 'RSS MiB', 'opened'];

const WORDS = {
  cpu: 'CPU per request',
  requests: 'requests per second',
  p50: 'p50',
  p99: 'p99',
  rss: 'RSS',
  heap: 'heap per request, net of answering from memory',
};

/**
 * @param {CaseResult} result
 * @returns {string[][]} one row for each peer, as `COLUMNS`
 */
function rows({ peers }) {
  return peers.map((peer, index) => {
    const ratio = ratioOf(peers[0] ?? peer, peer);
    const middle = (/** @type {keyof import('./rounds.mjs').Sample} */ of) =>
      median(peer.samples.map((sample) => sample[of]));
    const share = index === 0 ? '1' : `${ratio.median.toFixed(2)} (${ratio.least.toFixed(2)}–${ratio.most.toFixed(2)})`;
    const answered = middle('requests') > 0;
    return [
      peer.peer,
      answered ? middle('cpu').toFixed(1) : '–',
      answered ? share : 'none answered',
      middle('requests').toFixed(0),
      answered ? middle('p50').toFixed(2) : '–',
      answered ? middle('p99').toFixed(2) : '–',
      middle('rss').toFixed(0),
      middle('opened').toFixed(0),
    ];
  });
}

/** @returns {string[]} the targets and the results, in sentences */
function sentences(/** @type {CaseResult} */ result) {
  const targets = outcomesOf(result).flatMap(({ measure, ours, peer, most, least, ratio, met }) => {
    if (ratio === undefined) return [];
    const bound = most === undefined ? `at least ${least}` : `at most ${most}`;
    const whose = ours === undefined ? '' : `${ours}, `;
    return [`${whose}${WORDS[measure]}, ${bound} of ${peer}: ${ratio.toFixed(2)}, ${met ? 'met' : 'missed'}.`];
  });
  const heaps = result.peers.flatMap(({ peer, heap }) => (heap === undefined ? [] : [`${peer} ${heap.toFixed(0)}`]));
  return heaps.length === 0 ? targets : [...targets, `Bytes of heap per request: ${heaps.join(', ')}.`];
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
  return [result.what.title, ...lines, ...sentences(result)].join('\n');
}

/**
 * Cases that were not measured this time keep their results.
 * @param {readonly CaseResult[]} results
 * @param {Machine} machine
 */
export function writeResults(results, machine) {
  const folder = new URL('../results/', import.meta.url);
  const json = new URL('proxy.json', folder);
  /** @type {Kept[]} */
  const before = existsSync(json) ? JSON.parse(readFileSync(json, 'utf8'), whole) : [];
  const kept = CASES.flatMap(({ key }) => {
    const result = results.find(({ what }) => what.key === key);
    return result === undefined
      ? before.filter((one) => one.case === key)
      : [{ case: key, machine, peers: result.peers }];
  });
  mkdirSync(folder, { recursive: true });
  writeFileSync(json, `${JSON.stringify(kept, rounded, 1)}\n`);
  writeFileSync(new URL('proxy.md', folder), markdown(kept));
}

/**
 * @param {string} _key
 * @param {unknown} value
 */
function rounded(_key, value) {
  return typeof value === 'number' ? Number(value.toPrecision(5)) : value;
}

/**
 * JSON has no Infinity, which is the cost per request of a round without answers.
 * @param {string} key
 * @param {unknown} value
 */
function whole(key, value) {
  return key === 'cpu' && value === null ? Number.POSITIVE_INFINITY : value;
}

/** @param {readonly Kept[]} kept */
function markdown(kept) {
  const tables = kept.flatMap(({ case: key, machine, peers }) => {
    const what = CASES.find((one) => one.key === key);
    return what === undefined ? [] : [section({ what, peers }, machine)];
  });
  return `# Proxies side by side

Written by \`npm run bench\`; [bench/README.md](../README.md) says how it measures. Medians of the rounds. CPU is that of the
peer's whole process for each request. The ratio is the CPU of the first peer of a table as a part of that of the peer in
its line, formed within each round: below 1, the first is cheaper. "Opened" are the connections to the origin that a round took.

${tables.join('\n\n')}
`;
}

/**
 * @param {CaseResult} result
 * @param {Machine} machine
 */
function section(result, machine) {
  const line = (/** @type {string[]} */ cells) => `| ${cells.join(' | ')} |`;
  return [
    `## ${result.what.title}`,
    '',
    line(COLUMNS),
    line(COLUMNS.map((_, column) => (column === 0 ? '---' : '---:'))),
    ...rows(result).map(line),
    '',
    ...sentences(result).map((sentence) => `- ${sentence}`),
    `- ${Object.entries(machine)
      .map(([name, value]) => `${name}: ${value}`)
      .join('; ')}`,
  ].join('\n');
}
