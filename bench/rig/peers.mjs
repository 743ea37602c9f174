/** The other proxies and clients, in a package of their own: installed when they are wanted. */

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PEERS = fileURLToPath(new URL('../peers/', import.meta.url));

/** Installs them, as they are locked, when they are not there. */
export function ensurePeers() {
  const installed = join(PEERS, 'node_modules/.package-lock.json');
  const locked = statSync(join(PEERS, 'package-lock.json')).mtimeMs;
  if (existsSync(installed) && statSync(installed).mtimeMs >= locked) return;
  console.log('> npm ci, in bench/peers');
  const { status, stdout, stderr } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], {
    cwd: PEERS,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
  if (status === 0) return;
  throw new Error(`the peers cannot be installed:\n${stdout}${stderr}`);
}

/** @param {string} packageName */
export function peerVersion(packageName) {
  return JSON.parse(readFileSync(join(PEERS, 'node_modules', packageName, 'package.json'), 'utf8')).version;
}
