/** A client that switches to a protocol in which everything comes back. */

import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { bodyOf, pathOf } from './numbering.mjs';

const PIECE_BYTES = 5000;
const INTERIM = /^HTTP\/1\.1 10[02-9]/;

/**
 * @param {number} port
 * @param {string} id
 * @param {{ bytes: number, leaves: boolean, withinMs: number }} how
 * @returns {Promise<{ kind: 'left' } | { kind: 'hung' } | { kind: 'ended', head: string, echoed: Buffer }>} `head` up to its last field
 */
export async function tunnel(port, id, { bytes, leaves, withinMs }) {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  const body = bodyOf(id, bytes);
  let received = Buffer.alloc(0);
  let isOver = false;
  let isHung = false;
  const headBytes = () => received.indexOf('\r\n\r\n') + 4;
  const ended = new Promise((resolve) => {
    const settle = () => {
      isOver = true;
      resolve(undefined);
    };
    socket.on('error', () => {});
    socket.on('close', settle);
    socket.on('data', (piece) => {
      received = Buffer.concat([received, piece]);
      while (INTERIM.test(received.toString('latin1', 0, 12)) && headBytes() > 3)
        received = received.subarray(headBytes());
      const isSwitched = received.indexOf('HTTP/1.1 101') === 0 && headBytes() > 3;
      if (isSwitched && received.length >= headBytes() + bytes) settle();
    });
  });
  const late = setTimeout(() => {
    isHung = true;
    socket.destroy();
  }, withinMs);
  socket.write(
    `GET ${pathOf(id, 0)} HTTP/1.1\r\nHost: soak.test\r\nX-Request-Id: ${id}\r\nConnection: Upgrade\r\nUpgrade: soak\r\n\r\n`,
  );
  // The first piece is sent at once, before the answer.
  for (let at = 0; at < bytes && !isOver; at += PIECE_BYTES) {
    socket.write(body.subarray(at, at + PIECE_BYTES));
    await sleep(Math.random() * 5);
    if (leaves && Math.random() < 0.3) break;
  }
  if (!leaves) await ended;
  clearTimeout(late);
  if (leaves && Math.random() < 0.5) socket.resetAndDestroy();
  else socket.destroy();
  if (isHung) return { kind: 'hung' };
  if (leaves) return { kind: 'left' };
  const end = headBytes();
  return { kind: 'ended', head: received.subarray(0, end).toString('latin1'), echoed: received.subarray(end) };
}
