/**
 * Clients that leave, in their own process. Options `{ port }`. In a `storm` with `{ clients, atOnce }`, each client begins one
 * request and leaves in a random phase of it, by FIN or by RST. The answer is how many clients left in each phase.
 */

import { connect } from 'node:net';
import { options, serve } from '../rig/parent.mjs';

const { port } = options();
const BODY = 40_000;

/** The bytes that a client sends before it leaves. Between sending and leaving it waits for a random time. */
const PHASES = {
  'before a byte': '',
  'in the head': 'GET /20000 HTTP/1.1\r\nHost: a\r\nX-Cut: ',
  'behind a GET': 'GET /20000 HTTP/1.1\r\nHost: a\r\n\r\n',
  'in a large answer': 'GET /5000000 HTTP/1.1\r\nHost: a\r\n\r\n',
  'in a small upload': `POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: ${BODY}\r\n\r\n${'x'.repeat(BODY / 2)}`,
  'in a large upload': `PUT /up HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n${'x'.repeat(200_000)}`,
  'in chunks': `PUT /up HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n30d40\r\n${'x'.repeat(200_000)}\r\n`,
  'behind an upload': `POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: ${BODY}\r\n\r\n${'x'.repeat(BODY)}`,
  'behind Expect': `PUT /up HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: ${BODY}\r\n\r\n`,
  'in a pipeline': 'GET /20000 HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(3),
  'behind what is no HTTP': 'no HTTP\r\n\r\n',
};
const LONGEST_MS = 60;

serve(null, { storm });

/**
 * @param {{ clients: number, atOnce: number }} how
 * @returns {Promise<Record<string, number>>}
 */
async function storm({ clients, atOnce }) {
  /** @type {Record<string, number>} */
  const counts = {};
  const names = Object.keys(PHASES);
  let begun = 0;
  const lane = async () => {
    while (begun < clients) {
      begun += 1;
      const name = names[Math.floor(Math.random() * names.length)] ?? '';
      counts[name] = (counts[name] ?? 0) + 1;
      await leave(PHASES[/** @type {keyof typeof PHASES} */ (name)]);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  return counts;
}

/**
 * @param {string} bytes
 * @returns {Promise<void>}
 */
function leave(bytes) {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.on('error', () => {});
    socket.on('close', () => resolve());
    if (Math.random() < 0.5) socket.resume();
    socket.once('connect', () => {
      socket.write(bytes);
      setTimeout(
        () => {
          if (Math.random() < 0.5) socket.resetAndDestroy();
          else socket.destroy();
        },
        Math.random() ** 2 * LONGEST_MS,
      );
    });
  });
}
