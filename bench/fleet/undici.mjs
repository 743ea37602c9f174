/** Peer: undici's `BalancedPool`, with or without its retries, and the code around it that any proxy needs. */

import { createServer } from 'node:http';
import { pipeline } from 'node:stream';
import { BalancedPool, interceptors } from 'undici';
import { endToEnd } from '../proxy/peers/hop-by-hop.mjs';
import { listen } from '../rig/listen.mjs';
import { options, serve } from '../rig/parent.mjs';

/** @type {{ origins: string[], connections: number, retries: boolean }} */
const { origins, connections, retries } = options();
const pool = new BalancedPool(origins, { connections, pipelining: 1 });
const retry = interceptors.retry({ maxRetries: 2, minTimeout: 25, statusCodes: [500, 502, 503, 504] });
const dispatcher = retries ? pool.compose(retry) : pool;

const server = createServer(async (request, response) => {
  try {
    const answer = await dispatcher.request({
      origin: origins[0] ?? '', // only for the type: the pool chooses an origin
      method: 'GET',
      path: request.url ?? '/',
      headers: endToEnd(request.rawHeaders),
      responseHeaders: 'raw',
    });
    const fields = /** @type {string[]} */ (/** @type {unknown} */ (answer.headers));
    response.writeHead(answer.statusCode, endToEnd(fields));
    pipeline(answer.body, response, () => {});
  } catch {
    if (response.headersSent) response.destroy();
    else response.writeHead(502, { 'content-length': 0 }).end();
  }
});
server.keepAliveTimeout = 120_000;
serve({ port: await listen(server) });
