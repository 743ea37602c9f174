/** @fastify/http-proxy over undici, its default, in Fastify. */

import proxy from '@fastify/http-proxy';
import fastify from 'fastify';
import { maxConnections, origin, start } from './serve.mjs';

const app = fastify();
app.register(proxy, { upstream: origin, ...(maxConnections && { undici: { connections: maxConnections } }) });
await app.ready();
await start(app.server);
