/** Results of the comparison. They are kept for each fault, so that the comparison need not be run in one piece. */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';

/** @typedef {import('./cell.mjs').Counts} Counts */
/** @typedef {import('./peers.mjs').Peer} Peer */

/** The results of one fault with all peers, in one run. `peers` contains their versions, `commit` is that of our code. */
/** @typedef {{ day: string, commit?: string, node: string, peers: string[], counts: Counts[] }} FaultRun */

const FOLDER = new URL('../results/', import.meta.url);
const FILE = new URL('faults.json', FOLDER);

/** @returns {Record<string, FaultRun>} by the name of the fault */
function keptRuns() {
  return existsSync(FILE) ? JSON.parse(readFileSync(FILE, 'utf8')) : {};
}

/**
 * @param {string} fault
 * @param {readonly Peer[]} peers
 * @param {Counts[]} counts in the order of the peers
 */
export function keepRun(fault, peers, counts) {
  const day = new Date().toISOString().slice(0, 10);
  const run = { day, commit: commit(), node: process.versions.node, peers: titles(peers), counts };
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(FILE, `${JSON.stringify({ ...keptRuns(), [fault]: run }, null, 1)}\n`);
}

/**
 * The kept run of a fault, if it can be compared with a run of today: the same peers, on the same Node.
 * @param {string} fault
 * @param {readonly Peer[]} peers
 * @returns {FaultRun | undefined}
 */
export function runOf(fault, peers) {
  const run = keptRuns()[fault];
  const isSame = run?.node === process.versions.node && run.peers.join() === titles(peers).join();
  return isSame ? run : undefined;
}

/** @param {readonly Peer[]} peers */
function titles(peers) {
  return peers.map(({ name, version }) => `${name} ${version}`);
}

/** The commit of the sources; `undefined` outside a git checkout. */
function commit() {
  const { status, stdout } = spawnSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: FOLDER, encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}
