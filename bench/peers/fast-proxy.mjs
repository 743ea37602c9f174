/** fast-proxy with its defaults. */

import { createServer } from 'node:http';
import fastProxy from 'fast-proxy';
import { origin, start } from './serve.mjs';

const { proxy } = fastProxy({ base: origin });
await start(createServer((request, response) => proxy(request, response, request.url ?? '/', {})));
