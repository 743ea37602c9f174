#!/usr/bin/env node
/**
 * `npm run bench`: CPU per proxied request, ours beside the other ways to proxy from Node.
 *
 * Every peer runs in its own process on one CPU, generator and origin on another. In every round the peers of a case are
 * loaded one after the other, so that a disturbance of the machine affects all of them. A round gives the ratio of our CPU
 * per request to that of each peer, and the median of the rounds is the result. CPU is user + system of the peer's process.
 */

import { parseArgs } from 'node:util';
import { ensureBuilt } from '../rig/built.mjs';
import { onInterrupt } from '../rig/child.mjs';
import { chooseCores } from '../rig/cpu.mjs';
import { ensurePeers } from '../rig/peers.mjs';
import { CASES } from './cases.mjs';
import { chooseGenerator } from './generator.mjs';
import { describeMachine } from './machine.mjs';
import { startOrigin } from './origin.mjs';
import { outcomesOf } from './ratios.mjs';
import { describeCase, writeResults } from './report.mjs';
import { runCase } from './rounds.mjs';
import { isInstalled } from './systems.mjs';

const HELP = `npm run bench [-- options]

  --case NAME     only this one; may be repeated: ${CASES.map(({ key }) => key).join(', ')}
  --peer WORDS    only peers whose name has these words, and ours; may be repeated
  --rounds N      how often each peer is measured (default 7)
  --seconds N     length of one measurement (default 2)
  --warm-up N     requests to each peer before the first one (default 20000)
  --quick         3 rounds of 1 s after 4000 requests, and bench/results/ stays as it is
  --no-write      leave bench/results/ as it is
  --check         exit with 1 when a target is missed
  --help

Cases that are left out keep their last results. It exits with 1 when a peer answered wrong or not at all.`;

const { values } = parseArgs({
  options: {
    case: { type: 'string', multiple: true },
    peer: { type: 'string', multiple: true },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    'warm-up': { type: 'string' },
    quick: { type: 'boolean', default: false },
    'no-write': { type: 'boolean', default: false },
    check: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) console.log(HELP);
else await bench();

async function bench() {
  ensureBuilt();
  ensurePeers();
  const cores = chooseCores();
  const generator = chooseGenerator(cores.load);
  onInterrupt(generator.stop);
  const origin = await startOrigin(cores.load);
  const plan = chosenPlan();
  /** @type {import('./rounds.mjs').CaseResult[]} */
  const results = [];
  try {
    for (const what of chosenCases(origin)) {
      const result = await runCase(what, { origin, connect: generator.connect, core: cores.peer, plan });
      console.log(`\n${describeCase(result)}`);
      results.push(result);
      // Written after each case, so that results are kept if a later case fails.
      if (!values['no-write'] && !values.quick) {
        const machine = describeMachine({ generator: generator.name, origin: origin.name, cores, plan, what });
        writeResults([result], machine);
      }
    }
  } finally {
    generator.stop();
    await origin.stop();
  }
  const wrong = results.flatMap(failures);
  for (const sentence of wrong) console.error(sentence);
  const missed = results.some((result) => outcomesOf(result).some(({ met }) => met === false));
  process.exitCode = wrong.length > 0 || (values.check && missed) ? 1 : 0;
}

/** @returns {import('./rounds.mjs').Plan} */
function chosenPlan() {
  const [rounds, seconds, warmUp] = values.quick ? [3, 1, 4000] : [7, 2, 20_000];
  return {
    rounds: Number(values.rounds ?? rounds),
    seconds: Number(values.seconds ?? seconds),
    warmUp: Number(values['warm-up'] ?? warmUp),
  };
}

/** @param {import('./origin.mjs').RunningOrigin} origin */
function chosenCases({ tlsPort }) {
  const asked = CASES.filter(({ key, tls }) => {
    if (values.case !== undefined && !values.case.includes(key)) return false;
    return tls !== true || tlsPort !== undefined;
  });
  if (asked.length === 0) throw new Error(`no case of that name can be measured here: ${values.case?.join(', ')}`);
  const takesPart = (/** @type {import('./cases.mjs').Peer} */ { name }) =>
    name.startsWith('pooled-backend') || (values.peer?.some((words) => name.includes(words)) ?? true);
  return asked.map((what) => ({ ...what, peers: what.peers.filter((peer) => takesPart(peer) && isInstalled(peer)) }));
}

/** @param {import('./rounds.mjs').CaseResult} result */
function failures({ what, peers }) {
  return peers.flatMap(({ peer, samples }) => {
    const errors = samples.reduce((sum, sample) => sum + sample.errors, 0);
    return errors === 0 ? [] : [`${what.title}: ${errors} requests failed through ${peer}`];
  });
}
