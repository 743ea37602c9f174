#!/usr/bin/env node
/**
 * A fleet of four origins, three of them with faults, behind each peer: how many requests fail, how long they wait, and which
 * origins get too many. `npm run bench:fleet`; `-- --peer NAME` runs the peers with NAME in their names, and keeps the results
 * of the others; `--seconds N` makes it shorter. Writes bench/fleet.md and bench/results/fleet.json.
 */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { ensureBuilt } from '../rig/built.mjs';
import { onInterrupt } from '../rig/child.mjs';
import { failures, partOfFairShare, percentile, recovery } from './figures.mjs';
import { allPeers } from './peers.mjs';
import { allDie, dead, faulty, healthy } from './phases.mjs';
import { report } from './report.mjs';

/** @typedef {import('./report.mjs').PeerResult} PeerResult */

const KEPT = new URL('../results/fleet.json', import.meta.url);
const PAGE = new URL('../fleet.md', import.meta.url);

const { values } = parseArgs({ options: { peer: { type: 'string' }, seconds: { type: 'string' } } });
const seconds = Number(values.seconds ?? 12);

ensureBuilt();
onInterrupt(() => {});
const peers = allPeers();
/** @type {Record<string, PeerResult>} */
const kept = existsSync(KEPT) ? JSON.parse(readFileSync(KEPT, 'utf8')) : {};

for (const peer of peers.filter(({ name }) => name.includes(values.peer ?? ''))) {
  const result = await measured(peer);
  kept[peer.name] = result;
  console.log(JSON.stringify(result, undefined, 1));
  writeFileSync(KEPT, `${shortLists(JSON.stringify(kept, undefined, 2))}\n`);
}
const results = peers.flatMap(({ name }) => kept[name] ?? []);
writeFileSync(PAGE, report(results));

/**
 * @param {import('./peers.mjs').Peer} peer
 * @returns {Promise<PeerResult>}
 */
async function measured({ name, version, setting, start }) {
  const peer = { name, version, setting, start };
  const well = await healthy(peer, seconds / 2);
  const ill = await faulty(peer, seconds);
  const oneDead = await dead(peer, seconds / 2);
  const died = await allDie(peer, seconds / 2);
  return {
    ...{ name, version, setting, node: process.version, day: new Date().toISOString().slice(0, 10) },
    healthy: summed(well.answers),
    faulty: {
      ...summed(ill.answers),
      slowShare: partOfFairShare(ill.answers, 'slow', 4),
      recovery: recovery(ill.answers, ill.lives, { name: 'killed', beside: 'healthy' }),
    },
    dead: { failures: failures(oneDead.answers), refused: oneDead.refused },
    allDie: { ...summed(died.answers), slowest: percentile(died.answers, 1) },
  };
}

/** Puts each list of numbers on one line, as the linter wants it. */
function shortLists(/** @type {string} */ json) {
  return json.replaceAll(/\[[\s\d.,]+\]/g, (list) =>
    list.replaceAll(/\s+/g, ' ').replace('[ ', '[').replace(' ]', ']'),
  );
}

/** @param {import('./clients.mjs').Answer[]} answers */
function summed(answers) {
  return {
    ...{ requests: answers.length, failures: failures(answers) },
    ...{ p50: percentile(answers, 0.5), p99: percentile(answers, 0.99) },
  };
}
