/** Peer: the client of node:http or node:https with a keep-alive agent. Otherwise it does the same as undici-dispatch.mjs. */

import http, { createServer } from 'node:http';
import https from 'node:https';
import { listen } from '../../rig/listen.mjs';
import { measured } from '../../rig/measured.mjs';
import { options, serve } from '../../rig/parent.mjs';
import { endToEnd, hasBody } from './hop-by-hop.mjs';

/** @type {{ origins: string[], maxConnections: number }} */
const { origins, maxConnections } = options();
const { protocol, hostname, port } = new URL(origins[0] ?? '');
const client = protocol === 'https:' ? https : http;
const agent = new client.Agent({
  keepAlive: true,
  maxSockets: maxConnections,
  maxFreeSockets: maxConnections,
  scheduling: 'lifo',
});

const server = createServer((request, response) => {
  const outgoing = client.request({
    agent,
    hostname,
    port,
    method: request.method,
    path: request.url,
    // A flat list of names and values is sent as it is, although @types/node does not allow it.
    headers: /** @type {any} */ (endToEnd(request.rawHeaders)),
  });
  outgoing.on('response', (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.statusMessage, endToEnd(answer.rawHeaders));
    answer.on('error', () => response.destroy());
    answer.pipe(response);
  });
  outgoing.on('error', () => {
    if (response.headersSent) response.destroy();
    else response.writeHead(502, { 'content-length': 0 }).end();
  });
  response.on('close', () => response.writableFinished || outgoing.destroy());
  if (hasBody(request)) request.pipe(outgoing);
  else outgoing.end();
});
serve({ port: await listen(server) }, measured);
