/** What every peer needs: its options, a server on a free port, and a message with the port to the parent. */

import http from 'node:http';
import https from 'node:https';
import { listen } from '../rig/listen.mjs';
import { measured } from '../rig/measured.mjs';
import { options, serve } from '../rig/parent.mjs';

/** @type {{ origin: string, maxConnections?: number }} */
const given = options();

/** The URL of the origin, `http://127.0.0.1:port`. */
export const origin = given.origin;

/** If peers are compared for speed, all get the same limit. Else this is `undefined`, and each has its defaults. */
export const maxConnections = given.maxConnections;

/** Keeps connections, for peers that would open one for each request; `undefined` if they use their defaults. */
export const agent = maxConnections === undefined ? undefined : keepAliveAgent(maxConnections);

// A peer with an uncaught error goes on: it is judged by its answers.
process.on('uncaughtException', () => {});

/** @param {import('node:http').Server} server */
export async function start(server) {
  server.requestTimeout = 0;
  serve({ port: await listen(server) }, measured);
}

/** @param {number} most */
function keepAliveAgent(most) {
  const { Agent } = origin.startsWith('https:') ? https : http;
  return new Agent({ keepAlive: true, maxSockets: most, maxFreeSockets: most });
}

/**
 * For proxies that leave failures to their user.
 * @param {unknown} _error
 * @param {import('node:http').IncomingMessage} _request
 * @param {unknown} response
 */
export function answer502(_error, _request, response) {
  const target = /** @type {import('node:http').ServerResponse} */ (response);
  if (typeof target.writeHead === 'function' && !target.headersSent) target.writeHead(502).end();
  else target.destroy?.();
}
