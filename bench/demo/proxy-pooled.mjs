/**
 * The proxy of phases (b) and (c), in its own process: `backend.handler()` on a node:http server. Options have their defaults,
 * with these exceptions: `nonIdempotent`; `host`, so that a real origin sees its own name; and a long `queueTimeout`. In phase
 * (a) waits have no limit, so on a slow machine this proxy would refuse requests that wait there.
 */

import { createServer } from 'node:http';
import { BackendError, PooledBackend } from 'pooled-backend';
import { listen } from '../rig/listen.mjs';
import { cpuMs, options, serve } from '../rig/parent.mjs';
import { answerFailure, FRONT_KEEP_ALIVE_MS } from './proxy-failure.mjs';

/** @type {{ origins: string[], nonIdempotent: 'fresh' | 'verified' }} */
const { origins, nonIdempotent } = options();
const backend = new PooledBackend({ origins, nonIdempotent, queueTimeout: 60_000 });
const handler = backend.handler({ host: 'origin' });

// Without the third argument the handler would answer failures itself. Here they are answered with a field for `delivery`.
const server = createServer((request, response) => {
  handler(request, response, (error) => {
    if (BackendError.is(error)) answerFailure(response, error.statusCode, error.delivery);
    else response.destroy();
  });
});
server.keepAliveTimeout = FRONT_KEEP_ALIVE_MS;

serve(
  { port: await listen(server) },
  {
    opened: () => backend.stats().origins.reduce((sum, origin) => sum + origin.dialled, 0),
    cpuMs,
    stats: () => backend.stats(),
  },
);
