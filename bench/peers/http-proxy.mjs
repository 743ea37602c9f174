/** http-proxy with its defaults. Failures that it leaves to its user are answered with 502. */

import { createServer } from 'node:http';
import httpProxy from 'http-proxy';
import { agent, answer502, origin, start } from './serve.mjs';

const proxy = httpProxy.createProxyServer({ target: origin, ws: true, ...(agent && { agent }) });
proxy.on('error', answer502);
const server = createServer((request, response) => void proxy.web(request, response));
server.on('upgrade', (request, socket, head) => void proxy.ws(request, socket, head));
await start(server);
