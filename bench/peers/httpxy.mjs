/** httpxy with its defaults. Failures that it leaves to its user are answered with 502. */

import { createServer } from 'node:http';
import { createProxyServer } from 'httpxy';
import { agent, answer502, origin, start } from './serve.mjs';

const proxy = createProxyServer({ target: origin, ws: true, ...(agent && { agent }) });
proxy.on('error', answer502);
// Its promises reject in addition to the event.
const server = createServer((request, response) => void proxy.web(request, response).catch(() => {}));
server.on('upgrade', (request, socket, head) => void proxy.ws(request, socket, {}, head).catch(() => {}));
await start(server);
