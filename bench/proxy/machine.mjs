/** On what, with what and from what a result was measured. */

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, release, totalmem, type } from 'node:os';

/**
 * @param {{ generator: string, origin: string, cores: { load?: number | undefined, peer?: number | undefined }, plan: { rounds: number, seconds: number, warmUp: number } }} rig
 * @returns {Record<string, string>}
 */
export function describeMachine({ generator, origin, cores, plan }) {
  const undici = JSON.parse(readFileSync(new URL('../../node_modules/undici/package.json', import.meta.url), 'utf8'));
  return {
    date: new Date().toISOString().slice(0, 10),
    commit: commit(),
    machine: `${cpus().length} × ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${type()} ${release()}`,
    node: process.version,
    undici: undici.version,
    origin,
    generator,
    pinned: cores.peer === undefined ? 'no' : `peer on CPU ${cores.peer}, origin and generator on CPU ${cores.load}`,
    rounds: `${plan.rounds} of ${plan.seconds} s, interleaved, after ${plan.warmUp} s of warm-up for each peer`,
  };
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
