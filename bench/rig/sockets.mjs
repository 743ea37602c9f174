/** The kernel's view: how many sockets are in TIME_WAIT, on which side of a server's port. */

import { readFileSync } from 'node:fs';

const TIME_WAIT = '06'; // include/net/tcp_states.h

/**
 * @param {readonly number[]} ports of the servers
 * @returns {{ serverSide: number, clientSide: number } | undefined} `undefined` where there is no /proc/net/tcp
 */
export function countTimeWait(ports) {
  const wanted = new Set(ports.map((port) => port.toString(16).toUpperCase().padStart(4, '0')));
  const count = { serverSide: 0, clientSide: 0 };
  let found = false;
  for (const file of ['/proc/net/tcp', '/proc/net/tcp6']) {
    const table = readTable(file);
    if (table === undefined) continue;
    found = true;
    for (const line of table.split('\n')) {
      // "  sl  local_address rem_address   st ...", addresses as HEX:PORT
      const [, local = '', remote = '', state] = line.trim().split(/\s+/, 4);
      if (state !== TIME_WAIT) continue;
      if (wanted.has(local.slice(-4))) count.serverSide += 1;
      else if (wanted.has(remote.slice(-4))) count.clientSide += 1;
    }
  }
  return found ? count : undefined;
}

/** @returns {string | undefined} */
function readTable(/** @type {string} */ file) {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return undefined;
  }
}
