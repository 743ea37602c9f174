/** Peer: `backend.handler()` on a node:http server. */

import { createServer } from 'node:http';
import { PooledBackend } from 'pooled-backend';
import { listen } from '../../rig/listen.mjs';
import { cpuMs, options, serve } from '../../rig/parent.mjs';

/** @type {{ origin: string, maxConnections: number, nonIdempotent: 'fresh' | 'verified' | 'any' }} */
const { origin, maxConnections, nonIdempotent } = options();
const backend = new PooledBackend({ origins: [origin], maxConnections, nonIdempotent });
serve({ port: await listen(createServer(backend.handler())) }, { cpuMs, stats: () => backend.stats() });
