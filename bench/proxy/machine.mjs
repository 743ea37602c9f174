/** Describes how a result was measured: the machine, the programs and the plan. */

import { execFileSync, spawnSync } from 'node:child_process';
import { cpus, loadavg, release, totalmem, type } from 'node:os';
import { peerVersion } from '../rig/peers.mjs';

/**
 * @param {object} rig
 * @param {string} rig.generator
 * @param {string} rig.origin
 * @param {{ load?: number | undefined, peer?: number | undefined }} rig.cores
 * @param {import('./rounds.mjs').Plan} rig.plan
 * @param {import('./cases.mjs').Case} rig.what
 * @returns {Record<string, string>}
 */
export function describeMachine({ generator, origin, cores, plan, what }) {
  return {
    ...describeHost(),
    origin,
    generator,
    clients: String(what.clients),
    pinned: cores.peer === undefined ? 'no' : `peer on CPU ${cores.peer}, origin and generator on CPU ${cores.load}`,
    rounds: `${plan.rounds} of ${plan.seconds} s, interleaved, after ${plan.warmUp} requests to each peer`,
    versions: versionsOf(what).join(', '),
  };
}

/** @returns {Record<string, string>} facts that belong to every result */
export function describeHost() {
  return {
    date: new Date().toISOString().slice(0, 16).replace('T', ' '),
    commit: commit(),
    machine: `${cpus().length} × ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${type()} ${release()}`,
    'load average': loadavg()
      .map((load) => load.toFixed(1))
      .join(', '),
    node: process.version,
  };
}

/** @param {import('./cases.mjs').Case} what */
function versionsOf({ peers }) {
  return peers.flatMap(({ file, packageName }) => {
    if (packageName !== undefined) return [`${packageName} ${peerVersion(packageName)}`];
    if (file !== 'haproxy') return [];
    const { stdout } = spawnSync('haproxy', ['-v'], { encoding: 'utf8' });
    return [`HAProxy ${/version (\S+)/.exec(stdout)?.[1]}`];
  });
}

function commit() {
  try {
    const git = (/** @type {string[]} */ ...words) =>
      execFileSync('git', words, { encoding: 'utf8', cwd: new URL('.', import.meta.url) }).trim();
    const changed = git('status', '--porcelain', '--', '../../src', '../../package.json') !== '';
    return `${git('rev-parse', '--short', 'HEAD')}${changed ? ' with changes not committed' : ''}`;
  } catch {
    return 'unknown';
  }
}
