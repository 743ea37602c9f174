/** Packages that nothing else needs, in a folder of their own with a lock of its own: installed when they are wanted. */

import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';

/**
 * Installs what is locked there, when it is not there as it is locked.
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
