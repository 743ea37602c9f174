/** fast-proxy with its defaults. */

import { createServer } from 'node:http';
import fastProxy from 'fast-proxy';
import { maxConnections, origin, start } from './serve.mjs';

const { proxy } = fastProxy({ base: origin, ...(maxConnections && { maxSockets: maxConnections }) });
await start(createServer((request, response) => proxy(request, response, request.url ?? '/', {})));
