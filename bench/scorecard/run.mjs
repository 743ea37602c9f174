#!/usr/bin/env node
/**
 * `npm run scorecard`: what a gateway must pass on, row by row, and which systems do it. Raw TCP on both sides, each system in
 * a process of its own, every cell measured in this run.
 */

import { parseArgs } from 'node:util';
import { ensureBuilt } from '../rig/built.mjs';
import { onInterrupt } from '../rig/child.mjs';
import { ensurePeers } from '../rig/peers.mjs';
import { describeScore, writeScore } from './report.mjs';
import { ROWS } from './rows.mjs';
import { findSystems } from './systems.mjs';

const HELP = `npm run scorecard [-- options]

  --system NAME   only this one; may be repeated
  --row TEXT      only rows with this in their name
  --no-write      leave bench/scorecard.md as it is
  --help

It exits with 1 when a cell of pooled-backend is wrong.`;

/** One column. @typedef {{ name: string, version: string, cells: (true | string)[] }} Column */

const { values } = parseArgs({
  options: {
    system: { type: 'string', multiple: true },
    row: { type: 'string' },
    'no-write': { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) console.log(HELP);
else await score();

async function score() {
  ensureBuilt();
  ensurePeers();
  onInterrupt(() => {});
  // Imported only here, because it imports the package that was just built.
  const { play } = await import('./stage.mjs');
  const rows = ROWS.filter(({ name }) => name.includes(values.row ?? ''));
  const systems = findSystems().filter(({ name }) => values.system?.includes(name) ?? true);
  const columns = await Promise.all(systems.map(async (system) => ({ ...system, cells: await play(system, rows) })));
  console.log(describeScore(rows, columns));
  const partial = values.row !== undefined || values.system !== undefined;
  if (!values['no-write'] && !partial) writeScore(rows, columns);
  const ours = columns.find(({ name }) => name === 'pooled-backend');
  process.exitCode = ours?.cells.some((cell) => cell !== true) ? 1 : 0;
}
