/** What every peer begins with: its options, a server on a free port, and the parent told of it. */

import { listen } from '../rig/listen.mjs';
import { options, serve } from '../rig/parent.mjs';

/** The URL of the origin, `http://127.0.0.1:port`. */
export const origin = options().origin;

// A peer that lets an error escape is judged by its answers, not by its end.
process.on('uncaughtException', () => {});

/** @param {import('node:http').Server} server */
export async function start(server) {
  server.requestTimeout = 0;
  serve({ port: await listen(server) });
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
