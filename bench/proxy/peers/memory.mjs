/** The least possible cost: node:http answers from memory, without an origin. No proxy on node:http can cost less. */

import { createServer } from 'node:http';
import { listen } from '../../rig/listen.mjs';
import { measured } from '../../rig/measured.mjs';
import { serve } from '../../rig/parent.mjs';
import { BODIES, CHUNKED } from '../bodies.mjs';

let connections = 0;
const server = createServer((request, response) => {
  const path = request.url ?? '';
  const body = BODIES.get(path) ?? '';
  const length = path === CHUNKED ? {} : { 'content-length': body.length };
  const answer = () => {
    response.writeHead(200, { 'content-type': 'text/plain', ...length });
    if (path === CHUNKED) response.write(body);
    response.end(path === CHUNKED ? '' : body);
  };
  if (request.method === 'GET') answer();
  else request.resume().on('end', answer);
});
server.on('connection', () => {
  connections += 1;
});
serve({ port: await listen(server) }, { ...measured, accepted: () => connections });
