/**
 * Very slow clients on raw sockets, in their own process.
 *
 * Options `{ port }`. `start` gets the number of clients of each kind, and keeps them going until `stop`. The answer to `stop`
 * is how many exchanges of each kind have ended, and how many of them were wrong.
 * - `readers`: GET of `bytes`, read in small pieces over `seconds`
 * - `dribblers`: POST of `bytes`, sent in small pieces over `seconds`
 * - `sleepers`: GET of `bytes`, never read; they end when the server ends their connections
 */

import { connect } from 'node:net';
import { options, serve } from './../rig/parent.mjs';

const { port } = options();
const STEPS = 40;

/** @type {Record<string, { done: number, wrong: number }>} */
const counts = {};
/** @type {Set<import('node:net').Socket>} */
const open = new Set();
let going = false;

const KINDS = { readers: read, dribblers: dribble, sleepers: sleep };

serve(null, { start, stop, counts: () => counts });

/** @param {Record<keyof typeof KINDS, { count: number, bytes: number, seconds: number }>} kinds */
function start(kinds) {
  going = true;
  for (const [kind, { count, bytes, seconds }] of Object.entries(kinds)) {
    counts[kind] = { done: 0, wrong: 0 };
    const act = KINDS[/** @type {keyof typeof KINDS} */ (kind)];
    for (let number = 0; number < count; number += 1) {
      const again = (/** @type {boolean} */ right) => {
        if (!going) return;
        const seen = counts[kind];
        if (seen !== undefined) {
          seen.done += 1;
          if (!right) seen.wrong += 1;
        }
        if (kind !== 'sleepers') act(bytes, seconds, again);
      };
      // Starts are spread over a round, so that the clients do not all act at the same time.
      setTimeout(() => going && act(bytes, seconds, again), (number / count) * seconds * 1000);
    }
  }
}

function stop() {
  going = false;
  for (const socket of open) socket.destroy();
  return counts;
}

/** @param {(right: boolean) => void} ended called once */
function dial(/** @type {(right: boolean) => void} */ ended) {
  const socket = connect({ port, host: '127.0.0.1' });
  let over = false;
  const end = (/** @type {boolean} */ right) => {
    if (over) return;
    over = true;
    open.delete(socket);
    socket.destroy();
    ended(right);
  };
  open.add(socket);
  socket.on('error', () => end(false));
  socket.on('close', () => end(false));
  return { socket, end };
}

/**
 * @param {number} bytes
 * @param {number} seconds
 * @param {(right: boolean) => void} ended
 */
function read(bytes, seconds, ended) {
  const { socket, end } = dial(ended);
  let seen = 0;
  let headBytes = 0;
  socket.pause();
  socket.write(`GET /${bytes} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
  const sip = setInterval(
    () => {
      const piece = socket.read(Math.min(Math.ceil(bytes / STEPS), socket.readableLength || 1));
      if (piece === null) {
        socket.read(0);
        return;
      }
      if (headBytes === 0) headBytes = piece.indexOf('\r\n\r\n') + 4;
      seen += piece.length;
      if (seen >= bytes + headBytes) end(seen === bytes + headBytes);
    },
    (seconds * 1000) / STEPS,
  );
  socket.on('readable', () => {}); // a listener for 'readable' keeps the stream paused
  socket.on('close', () => clearInterval(sip));
}

/**
 * @param {number} bytes
 * @param {number} seconds
 * @param {(right: boolean) => void} ended
 */
function dribble(bytes, seconds, ended) {
  const { socket, end } = dial(ended);
  const drop = Buffer.alloc(Math.ceil(bytes / STEPS), 'x');
  let left = bytes;
  socket.write(`POST /drop HTTP/1.1\r\nHost: a\r\nContent-Length: ${bytes}\r\nConnection: close\r\n\r\n`);
  const drip = setInterval(
    () => {
      if (left > 0) socket.write(drop.subarray(0, Math.min(left, drop.length)));
      left -= drop.length;
    },
    (seconds * 1000) / STEPS,
  );
  let text = '';
  socket.on('data', (piece) => {
    text += piece.toString('latin1');
  });
  socket.on('end', () => end(text.startsWith('HTTP/1.1 200 ') && text.length > bytes));
  socket.on('close', () => clearInterval(drip));
}

/**
 * @param {number} bytes
 * @param {number} _seconds
 * @param {(right: boolean) => void} ended
 */
function sleep(bytes, _seconds, ended) {
  const { socket } = dial(ended);
  socket.pause();
  socket.write(`GET /${bytes} HTTP/1.1\r\nHost: a\r\n\r\n`);
}
