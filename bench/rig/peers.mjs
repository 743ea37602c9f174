/** The other proxies and clients, in a package of their own: installed when they are wanted. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { install } from '../../test/install.mjs';

const PEERS = fileURLToPath(new URL('../peers/', import.meta.url));

/** Installs them, as they are locked, when they are not there. */
export function ensurePeers() {
  install(PEERS);
}

/** @param {string} packageName */
export function peerVersion(packageName) {
  return JSON.parse(readFileSync(join(PEERS, 'node_modules', packageName, 'package.json'), 'utf8')).version;
}
