// npm run mutation: changes the code in a thousand small ways, and counts the changes that no test notices.
// npm run mutation -- --mutate src/origin/idle-limit.ts: one file; all options of Stryker are passed on.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { install } from '../install.mjs';
import { score } from './score.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = fileURLToPath(new URL('../..', import.meta.url));

function run(command, args, cwd) {
  const { status, error } = spawnSync(command, args, { cwd, stdio: 'inherit' });
  if (error !== undefined) throw error;
  return status ?? 1;
}

// Stryker has 170 packages that nothing else needs.
install(here);
const config = 'test/mutation/stryker.config.json';
const status = run(`${here}node_modules/.bin/stryker`, ['run', config, ...process.argv.slice(2)], root);
if (status !== 0) process.exit(status);
process.exitCode = score(JSON.parse(readFileSync(`${here}report.json`, 'utf8'))) ? 0 : 1;
