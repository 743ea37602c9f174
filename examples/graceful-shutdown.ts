/** A process that is told to stop: it finishes what it has begun, within a limit, and loses nothing. */

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { closeServer, PooledBackend } from 'pooled-backend';

const origin = createServer((req, res) => {
  console.log('the origin has', req.url);
  if (req.url === '/last') process.kill(process.pid, 'SIGTERM'); // the worst moment
  setTimeout(() => res.end('done\n'), 100);
}).listen(0, '127.0.0.1');
await once(origin, 'listening');

const backend = new PooledBackend(`http://127.0.0.1:${(origin.address() as AddressInfo).port}`);
const front = createServer(backend.handler()).listen(0, '127.0.0.1');
await once(front, 'listening');

async function shutDown(): Promise<void> {
  console.log('told to stop');
  // Clients: each response from now on ends its connection. Origins: what is under way has ten seconds.
  await closeServer(front, backend, { timeout: 10_000 });
  console.log('nothing is under way:', backend.stats().inFlight === 0);
  origin.close();
}
const stopped = once(process, 'SIGTERM').then(shutDown);

const response = await fetch(`http://127.0.0.1:${(front.address() as AddressInfo).port}/last`);
console.log(response.status, (await response.text()).trim());
await stopped;
