/** The floor: node:http answers from memory, there is no backend. No proxy on node:http can cost less. */

import { createServer } from 'node:http';
import { listen } from '../../rig/listen.mjs';
import { cpuMs, serve } from '../../rig/parent.mjs';
import { BODIES } from '../bodies.mjs';

const server = createServer((request, response) => {
  const body = BODIES.get(request.url ?? '') ?? '';
  const answer = () =>
    response.writeHead(200, { 'content-type': 'text/plain', 'content-length': body.length }).end(body);
  if (request.method === 'GET') answer();
  else request.resume().on('end', answer);
});
serve({ port: await listen(server) }, { cpuMs });
