/**
 * When the library asked the kernel about a connection, and when it wrote a request, to the nanosecond. Watches the sockets
 * that this process opens, and `fs.readvSync`. Import it before the watched code.
 */

import { subscribe } from 'node:diagnostics_channel';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import tls from 'node:tls';

/**
 * One request as it was written. `checkedAt`: when the question to the kernel before it began. If there was none since the
 * previous request of the connection, it is `writtenAt`.
 * @typedef {{ checkedAt: bigint, writtenAt: bigint, localPort: number }} Written
 */

const KEPT = 20_000;
/** @type {Map<number, bigint>} by descriptor */
const checks = new Map();
/** @type {Map<string, Written[]>} by request id, oldest first */
const writes = new Map();
/** @type {Set<import('node:net').Socket>} the open ones */
export const openedSockets = new Set();

const { readvSync } = fs;
let looks = 0;
fs.readvSync = /** @type {typeof readvSync} */ (
  (/** @type {any[]} */ ...how) => {
    looks += 1;
    checks.set(how[0], process.hrtime.bigint());
    return Reflect.apply(readvSync, fs, how);
  }
);
// The channel below does not tell of sockets with TLS.
const { connect: connectTls } = tls;
tls.connect = /** @type {typeof connectTls} */ (
  (/** @type {any[]} */ ...how) => {
    const socket = Reflect.apply(connectTls, tls, how);
    watch(socket, 'secureConnect');
    return socket;
  }
);
syncBuiltinESMExports();

subscribe('net.client.socket', (message) => watch(/** @type {any} */ (message).socket, 'connect'));

/**
 * @param {import('node:net').Socket} socket
 * @param {'connect' | 'secureConnect'} opened the event after which it is written to
 */
function watch(socket, opened) {
  openedSockets.add(socket);
  socket.once('close', () => openedSockets.delete(socket));
  // connect() restores the `write` of the prototype, so this one is set after it.
  socket.prependOnceListener(opened, () => {
    const { write } = socket;
    socket.write = (/** @type {any[]} */ ...how) => {
      const [, id] = /\r\nx-request-id: (\S+)\r\n/i.exec(textOf(how[0])) ?? [];
      if (id !== undefined) note(id, socket);
      return Reflect.apply(write, socket, how);
    };
  });
}

/** @param {string | Uint8Array} piece */
function textOf(piece) {
  return typeof piece === 'string'
    ? piece
    : Buffer.from(piece.buffer, piece.byteOffset, Math.min(piece.byteLength, 1000)).toString('latin1');
}

/**
 * @param {string} id
 * @param {import('node:net').Socket} socket
 */
function note(id, socket) {
  const writtenAt = process.hrtime.bigint();
  const descriptor = /** @type {any} */ (socket)._handle?.fd ?? -1;
  const written = { checkedAt: checks.get(descriptor) ?? writtenAt, writtenAt, localPort: socket.localPort ?? 0 };
  checks.delete(descriptor);
  const known = writes.get(id);
  if (known !== undefined) {
    known.push(written);
    return;
  }
  writes.set(id, [written]);
  if (writes.size <= KEPT) return;
  for (const [oldest] of writes) {
    writes.delete(oldest);
    return;
  }
}

/**
 * @param {string} id
 * @returns {readonly Written[]}
 */
export function writesOf(id) {
  return writes.get(id) ?? [];
}

/** How often the kernel was asked. 0 means that the library uses another call than the one that is watched here. */
export function looksSeen() {
  return looks;
}
