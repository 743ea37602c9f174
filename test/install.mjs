/** Installs packages that only one command needs. They have a folder and a lock file of their own. */

import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';

/**
 * Installs the packages of the folder's lock file, unless exactly these are installed.
 *
 * @param {string} folder
 */
export function install(folder) {
  const installed = join(folder, 'node_modules/.package-lock.json');
  const locked = statSync(join(folder, 'package-lock.json')).mtimeMs;
  if (existsSync(installed) && statSync(installed).mtimeMs >= locked) return;
  console.log(`> npm ci, in ${relative(process.cwd(), folder)}`);
  const { status, stdout, stderr } = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--ignore-scripts'], {
    cwd: folder,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
  if (status !== 0) throw new Error(`what ${folder} locks cannot be installed:\n${stdout}${stderr}`);
}
