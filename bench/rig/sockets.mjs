/** Asks the kernel which sockets are in TIME_WAIT, on which side of a server's port. */

import { readFileSync } from 'node:fs';

const TIME_WAIT = '06'; // include/net/tcp_states.h

/**
 * Sockets in TIME_WAIT, each as "local remote".
 * @typedef {{ serverSide: string[], clientSide: string[] }} TimeWait
 */

/**
 * @param {readonly number[]} ports of the servers
 * @returns {TimeWait | undefined} `undefined` where there is no /proc/net/tcp
 */
export function timeWaitOf(ports) {
  const wanted = new Set(ports.map((port) => port.toString(16).toUpperCase().padStart(4, '0')));
  /** @type {TimeWait} */
  const sockets = { serverSide: [], clientSide: [] };
  let found = false;
  for (const file of ['/proc/net/tcp', '/proc/net/tcp6']) {
    const table = readTable(file);
    if (table === undefined) continue;
    found = true;
    for (const line of table.split('\n')) {
      // "  sl  local_address rem_address   st ...", addresses as HEX:PORT
      const [, local = '', remote = '', state] = line.trim().split(/\s+/, 4);
      if (state !== TIME_WAIT) continue;
      if (wanted.has(local.slice(-4))) sockets.serverSide.push(`${local} ${remote}`);
      else if (wanted.has(remote.slice(-4))) sockets.clientSide.push(`${local} ${remote}`);
    }
  }
  return found ? sockets : undefined;
}

/**
 * How many were added. TIME_WAIT lasts for a minute, so sockets that are older than the measurement are not counted.
 * @param {TimeWait | undefined} before
 * @param {TimeWait | undefined} after
 * @returns {{ serverSide: number, clientSide: number } | undefined}
 */
export function timeWaitAdded(before, after) {
  if (before === undefined || after === undefined) return undefined;
  const added = (/** @type {string[]} */ old, /** @type {string[]} */ now) => {
    const known = new Set(old);
    return now.filter((socket) => !known.has(socket)).length;
  };
  return {
    serverSide: added(before.serverSide, after.serverSide),
    clientSide: added(before.clientSide, after.clientSide),
  };
}

/** @returns {string | undefined} */
function readTable(/** @type {string} */ file) {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return undefined;
  }
}
