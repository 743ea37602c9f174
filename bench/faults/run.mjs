#!/usr/bin/env node
/**
 * The same faults against the same clients, through pooled-backend and through what people use instead. Writes
 * bench/faults.md. `node bench/faults/run.mjs [--peer TEXT] [--fault NAME]`: only those, and nothing is written.
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { ensureBuilt } from '../rig/built.mjs';
import { onInterrupt } from '../rig/child.mjs';
import { ensurePeers } from '../rig/peers.mjs';
import { runCell } from './cell.mjs';
import { FAULTS } from './faults.mjs';
import { report } from './report.mjs';

const LONGEST_MS = 30 * 60_000;

const { values } = parseArgs({ options: { peer: { type: 'string' }, fault: { type: 'string' } } });
ensureBuilt();
ensurePeers();
onInterrupt(() => {});
setTimeout(() => {
  console.error('The comparison did not come to its end.');
  process.exit(1);
}, LONGEST_MS).unref();

const { allPeers } = await import('./peers.mjs');
const ours = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
const peers = allPeers(ours).filter(({ name }) => name.includes(values.peer ?? ''));
const faults = FAULTS.filter(({ name }) => name === (values.fault ?? name));

/** @type {Map<string, import('./cell.mjs').Counts>} */
const results = new Map();
for (const { name: fault, title } of faults) {
  console.log(`\n${title}`);
  for (const peer of peers) {
    const counts = await runCell(peer, fault);
    results.set(`${peer.name} ${fault}`, counts);
    const { postsTwice, wrong, getsFailed, hung, postsFailed } = counts;
    console.log(
      `  ${peer.name.padEnd(28)} POST twice ${postsTwice}, wrong ${wrong}, GET failed ${getsFailed}, hung ${hung}, POST failed ${postsFailed}`,
    );
  }
}

if (values.peer === undefined && values.fault === undefined) {
  const how = `Last run on Node ${process.versions.node}.`;
  writeFileSync(new URL('../faults.md', import.meta.url), report(peers, faults, results, how));
  console.log('\nWritten to bench/faults.md.');
}
process.exit(0);
