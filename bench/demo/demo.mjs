/** The demo itself: three phases one after the other, a live line while each runs, one table at the end. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onInterrupt } from '../rig/child.mjs';
import { runPhase } from './phase.mjs';
import { table } from './table.mjs';

/** @type {import('./phase.mjs').PhasePlan[]} */
const PHASES = [
  { title: '(a) one-to-one', proxy: 'proxy-plain.mjs' },
  { title: "(b) pooled, 'fresh'", proxy: 'proxy-pooled.mjs', nonIdempotent: 'fresh' },
  { title: "(c) pooled, 'verified'", proxy: 'proxy-pooled.mjs', nonIdempotent: 'verified' },
];

/**
 * @param {import('./options.mjs').DemoOptions} options
 * @returns {Promise<number>} the exit code
 */
export async function demo(options) {
  const folder = mkdtempSync(join(tmpdir(), 'pooled-backend-demo-'));
  const cleanUp = () => rmSync(folder, { recursive: true, force: true });
  onInterrupt(cleanUp);
  try {
    return await runPhases(options, folder);
  } finally {
    cleanUp();
  }
}

/**
 * @param {import('./options.mjs').DemoOptions} options
 * @param {string} folder
 * @returns {Promise<number>}
 */
async function runPhases(options, folder) {
  introduce(options);
  /** @type {import('./phase.mjs').PhaseResult[]} */
  const results = [];
  let failed = false;
  for (const plan of PHASES) {
    try {
      results.push(await runPhase(plan, options, folder, liveLine(plan.title)));
    } catch (error) {
      failed = true;
      console.error(`\n${plan.title} could not run: ${error instanceof Error ? error.message : error}`);
    }
  }
  if (process.stdout.isTTY) process.stdout.write('\r\x1b[K');
  if (results.length > 0) console.log(`\n${table(results)}`);
  const twice = results.some((result) => (result.executedTwice ?? 0) > 0);
  if (twice) console.error('\nA POST was executed twice. That must never happen.');
  return failed || twice ? 1 : 0;
}

/** @param {import('./options.mjs').DemoOptions} options */
function introduce({ clients, seconds, origins, post }) {
  const requests = post === undefined ? 'GETs only (see --post)' : 'four GETs to one POST';
  const those =
    origins.length > 0 ? origins.join(', ') : 'two origins of our own, one of them killed and restarted half-way';
  console.log(
    `${clients} clients, half keep-alive, half one connection a request; ${requests}; ${seconds} s a phase; ${those}.`,
  );
}

/**
 * @param {string} title
 * @returns {(news: { requests: number, errors: number, opened: number, event?: string }) => void}
 */
function liveLine(title) {
  let calls = 0;
  return ({ requests, errors, opened, event }) => {
    const line = `${title}: ${requests} requests, ${errors} errors, ${opened} connections to origins opened${event ? `, ${event}` : ''}`;
    calls += 1;
    if (process.stdout.isTTY) process.stdout.write(`\r\x1b[K${line}`);
    else if (calls % 6 === 0) console.log(line); // without a terminal, one line every 3 s
  };
}
