/** An origin of the fleet, in its own process: answers after `serviceMs`, and with 500 to every `failEvery`-th request. */

import { createServer } from 'node:http';
import { listen } from '../rig/listen.mjs';
import { options, serve } from '../rig/parent.mjs';

/** @type {{ name: string, port?: number, serviceMs: number, failEvery?: number }} */
const { name, port, serviceMs, failEvery = Number.POSITIVE_INFINITY } = options();
let requests = 0;

const server = createServer({ keepAliveTimeout: 60_000 }, (_request, response) => {
  requests += 1;
  const status = requests % failEvery === 0 ? 500 : 200;
  setTimeout(() => response.writeHead(status, { 'x-origin': name, 'content-length': 3 }).end('ok\n'), serviceMs);
});

serve({ port: await listen(server, port) }, { requests: () => requests });
