// npm run on-node -- 24 FILE ARGUMENTS…: runs a program of this repository on another release of Node, taken from npm.
// npm run on-node -- 24: runs the tests of units, the wire and the mounts on it.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const TESTS = ['node_modules/vitest/vitest.mjs', 'run', 'test/unit', 'test/wire', 'test/mount'];

const [release = '', ...program] = process.argv.slice(2);
if (!/^[0-9]+(\.[0-9]+)*$/.test(release))
  throw new Error(`which release of Node? npm run on-node -- 24, not "${release}"`);
const node = nodeOf(release);
const { status, signal } = spawnSync(node, program.length === 0 ? TESTS : program, {
  cwd: ROOT,
  stdio: 'inherit',
  // Programs that it starts as `node` run on that release, too.
  env: { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH}` },
});
if (signal !== null) console.error(`ended by ${signal}`);
process.exitCode = status ?? 1;

/** The executable of a release, installed in a folder of its own. */
function nodeOf(release) {
  const name = `node-${process.platform}-${process.arch}`;
  const folder = join(ROOT, 'node_modules/.cache/pooled-backend', `node-${release}`);
  const node = join(folder, 'node_modules', name, 'bin/node');
  if (existsSync(node)) return node;
  console.log(`> npm install ${name}@${release}`);
  const asked = ['install', '--prefix', folder, '--no-save', '--no-audit', '--no-fund', `${name}@${release}`];
  const installed = spawnSync('npm', asked, { stdio: ['ignore', 'ignore', 'inherit'] });
  if (installed.status !== 0 || !existsSync(node)) throw new Error(`${name}@${release} cannot be installed`);
  return node;
}
