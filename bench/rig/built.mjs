/** Makes sure that the present code is measured: installs and builds what is missing or old. Needs nothing but Node. */

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** Ends the process if npm fails. */
export function ensureBuilt() {
  if (!existsSync(join(root, 'node_modules/.package-lock.json'))) npm('ci');
  if (builtAt() < changedAt(join(root, 'src'))) npm('run', 'build');
}

/** @param {string[]} words */
function npm(...words) {
  console.log(`> npm ${words.join(' ')}`);
  // Windows finds npm.cmd only through a shell.
  const { status, stdout, stderr } = spawnSync('npm', words, {
    cwd: root,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
  if (status === 0) return;
  console.error(`${stdout}${stderr}\nnpm ${words.join(' ')} failed, so there is nothing to run.`);
  process.exit(1);
}

/** @returns {number} when dist was built, 0 for never */
function builtAt() {
  const entry = join(root, 'dist/index.js');
  return existsSync(entry) ? statSync(entry).mtimeMs : 0;
}

/**
 * @param {string} folder
 * @returns {number} when the newest file in it changed
 */
function changedAt(folder) {
  return Math.max(
    ...readdirSync(folder, { withFileTypes: true }).map((entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? changedAt(path) : statSync(path).mtimeMs;
    }),
  );
}
