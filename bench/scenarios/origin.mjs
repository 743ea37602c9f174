/**
 * The origin of the scenarios, in its own process: node:http. `GET /N` is answered with N bytes, anything else with a text
 * that repeats the request. With the option `hold`, all answers are held back until `release`.
 */

import { createServer } from 'node:http';
import { listen } from '../rig/listen.mjs';
import { options, serve } from '../rig/parent.mjs';

/** @type {{ port?: number, hold?: boolean }} */
const { port, hold = false } = options();
/** @type {(() => void)[]} */
const held = [];
const seen = { open: 0, mostOpen: 0, accepted: 0 };

const server = createServer({ keepAliveTimeout: 60_000 }, async (request, response) => {
  let body = '';
  try {
    for await (const piece of request.setEncoding('latin1')) body += piece;
  } catch {
    return; // the client has aborted the request
  }
  const bytes = /^\/(\d+)$/.exec(request.url ?? '')?.[1];
  const text = bytes === undefined ? `${request.method} ${request.url} ${body}` : 'x'.repeat(Number(bytes));
  const answer = () => response.writeHead(200, { 'content-length': text.length }).end(text, 'latin1');
  if (hold) held.push(answer);
  else answer();
});
server.on('connection', (socket) => {
  seen.accepted += 1;
  seen.open += 1;
  seen.mostOpen = Math.max(seen.mostOpen, seen.open);
  socket.once('close', () => {
    seen.open -= 1;
  });
});

serve(
  { port: await listen(server, port) },
  {
    seen: () => seen,
    held: () => held.length,
    release: () => {
      for (const answer of held.splice(0)) answer();
    },
  },
);
