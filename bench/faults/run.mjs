#!/usr/bin/env node
/**
 * The same faults with the same clients, through pooled-backend and through its alternatives. Writes bench/faults.md.
 * `node bench/faults/run.mjs --fault NAME…`: runs only these faults; the others keep their last results.
 * `--peer TEXT`: runs only the peers with this text in their names, and writes nothing.
 */

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { ensureBuilt } from '../rig/built.mjs';
import { onInterrupt } from '../rig/child.mjs';
import { runCell } from './cell.mjs';
import { FAULTS } from './faults.mjs';
import { keepRun, runOf } from './kept.mjs';
import { report } from './report.mjs';

const LONGEST_MS = 30 * 60_000;

const { values } = parseArgs({ options: { peer: { type: 'string' }, fault: { type: 'string', multiple: true } } });
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
const faults = FAULTS.filter(({ name }) => values.fault?.includes(name) ?? true);

for (const { name: fault, title } of faults) {
  console.log(`\n${title}`);
  /** @type {import('./cell.mjs').Counts[]} */
  const all = [];
  for (const peer of peers) {
    const counts = await runCell(peer, fault);
    all.push(counts);
    const { postsTwice, wrong, getsFailed, hung, postsFailed } = counts;
    console.log(
      `  ${peer.name.padEnd(28)} POST twice ${postsTwice}, wrong ${wrong}, GET failed ${getsFailed}, hung ${hung}, POST failed ${postsFailed}`,
    );
  }
  if (values.peer === undefined) keepRun(fault, peers, all);
}

if (values.peer === undefined) writeReport();
process.exit(0);

/** Installs the packages of the peers, if they are not there. */
function ensurePeers() {
  const folder = new URL('../peers/', import.meta.url);
  if (existsSync(new URL('node_modules/@fastify/http-proxy', folder))) return;
  console.log('> npm ci in bench/peers');
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: folder, stdio: 'inherit' });
  if (status !== 0) process.exit(1);
}

/** Writes the report as soon as there is a run of each fault with these peers. */
function writeReport() {
  const runs = FAULTS.map(({ name }) => runOf(name, peers));
  const missing = FAULTS.filter((_, index) => runs[index] === undefined).map(({ name }) => name);
  if (missing.length > 0) {
    console.log(`\nbench/faults.md is written when these have been run too: ${missing.join(', ')}`);
    return;
  }
  writeFileSync(
    new URL('../faults.md', import.meta.url),
    report(
      peers,
      FAULTS,
      runs.flatMap((run) => run ?? []),
    ),
  );
  console.log('\nWritten to bench/faults.md.');
}
