/** A node:http server in front of one backend: 300 clients with a connection each, a handful of connections behind. */

import { once } from 'node:events';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PooledBackend } from 'pooled-backend';

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

// The server that does the work. It counts who connects.
let accepted = 0;
const origin = createServer((req, res) => {
  setTimeout(() => res.end(`${req.method} ${req.url}\n`), 5);
});
origin.on('connection', () => {
  accepted += 1;
});

// The server that the clients see.
const backend = new PooledBackend({
  origins: [`http://127.0.0.1:${await listen(origin)}`],
  maxConnections: 10,
});
const front = createServer(backend.handler());
const port = await listen(front);

// A client that closes its connection after each request.
function get(path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const client = request({ host: '127.0.0.1', port, path, agent: false }, (res) => {
      res.resume().on('end', () => resolve(res.statusCode ?? 0));
    });
    client.on('error', reject).end();
  });
}

const statuses = await Promise.all(Array.from({ length: 300 }, (_, i) => get(`/items/${i}`)));
const answered = statuses.filter((status) => status === 200).length;
console.log(`${answered} of ${statuses.length} requests answered over ${accepted} connections to the origin`);
for (const { origin: name, connections } of backend.stats().origins) console.log(name, connections);

await backend.close();
front.close();
origin.close();
