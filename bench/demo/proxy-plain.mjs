/**
 * The proxy of phase (a), in its own process: it opens a connection for each request, to each backend in turn. node:http does
 * this with `agent: false`, and so do the well-known proxy packages with their defaults.
 */

import { createServer, request as sendPlain } from 'node:http';
import { request as sendSecure } from 'node:https';
import { pipeline } from 'node:stream';
import { listen } from '../rig/listen.mjs';
import { cpuMs, options, serve } from '../rig/parent.mjs';
import { answerFailure, FRONT_KEEP_ALIVE_MS } from './proxy-failure.mjs';

/** @type {{ origins: string[] }} */
const { origins } = options();
const targets = origins.map((origin) => new URL(origin));
let turn = 0;
let opened = 0;

const server = createServer((request, response) => {
  const target = targets[turn++ % targets.length];
  const send = target?.protocol === 'https:' ? sendSecure : sendPlain;
  const outgoing = send(target ?? '', {
    method: request.method,
    path: request.url,
    headers: { ...request.headers, host: target?.host, connection: 'close' },
    agent: false,
  });
  let connected = false;
  outgoing.on('socket', (socket) => {
    socket.once('connect', () => {
      connected = true;
      opened += 1;
    });
  });
  outgoing.on('response', (answer) => {
    const { connection, 'keep-alive': keepAlive, ...fields } = answer.headers;
    response.writeHead(answer.statusCode ?? 502, fields);
    pipeline(answer, response, () => {});
  });
  outgoing.on('error', () => {
    if (response.headersSent) response.destroy();
    else answerFailure(response, 502, connected ? 'unknown' : 'unsent');
  });
  response.on('close', () => response.writableFinished || outgoing.destroy());
  request.pipe(outgoing);
});
server.keepAliveTimeout = FRONT_KEEP_ALIVE_MS;

serve({ port: await listen(server) }, { opened: () => opened, cpuMs });
