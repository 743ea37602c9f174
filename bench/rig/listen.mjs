/** Finds a port for a server of a rig: one that nothing else takes while the server restarts. */

import { readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const FIRST_PORT = 15_000;

/**
 * Listens on 127.0.0.1. Chooses a free port below the range that the kernel uses for outgoing connections: a client's
 * connection could take a port of that range while the server restarts.
 * @param {import('node:net').Server} server
 * @param {number} [port] the port to take again after a restart
 * @returns {Promise<number>} the port
 */
export async function listen(server, port) {
  for (let tries = 0; ; tries += 1) {
    const candidate = port ?? randomPort();
    try {
      return await listenOnce(server, candidate);
    } catch (error) {
      if (tries === 50) throw error;
      // The port of a restart: the process that had it before may not have ended yet.
      if (port !== undefined) await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

/** @returns {Promise<number>} a port that is free now, for a program that must be told its port */
export async function freePort() {
  const server = createServer();
  const port = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/**
 * Resolves when something accepts on the port of a program that was just started.
 * @param {number} port
 * @param {Promise<string>} gone how the program ended; then this rejects
 */
export async function accepting(port, gone) {
  let ended = '';
  gone.then((how) => {
    ended = how;
  });
  while (!(await accepts(port))) {
    if (ended !== '') throw new Error(`the program for port ${port} did not start: ${ended}`);
    await sleep(20);
  }
}

/**
 * @param {number} port
 * @returns {Promise<boolean>}
 */
function accepts(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

function randomPort() {
  const span = firstOutgoingPort() - FIRST_PORT;
  return span > 1000 ? FIRST_PORT + Math.floor(Math.random() * span) : 0;
}

function firstOutgoingPort() {
  try {
    return Number.parseInt(readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8'), 10);
  } catch {
    return 0; // not Linux: 0 lets the kernel choose
  }
}

/**
 * @param {import('node:net').Server} server
 * @param {number} port
 * @returns {Promise<number>}
 */
function listenOnce(server, port) {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host: '127.0.0.1', backlog: 4096 }, () => {
      server.off('error', reject);
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}
