/** The other proxies and clients are in a package of their own, which is installed only when it is needed. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { install } from '../../test/install.mjs';

const PEERS = fileURLToPath(new URL('../peers/', import.meta.url));

/** Installs them in the locked versions, if they are not there. */
export function ensurePeers() {
  install(PEERS);
}

/** @param {string} packageName */
export function peerVersion(packageName) {
  return JSON.parse(readFileSync(join(PEERS, 'node_modules', packageName, 'package.json'), 'utf8')).version;
}
