/** Many processes, one total: the workers of a cluster share 20 connections to an origin, whatever becomes of them. */

import cluster from 'node:cluster';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PooledBackend } from 'pooled-backend';
import { shareConnections } from 'pooled-backend/cluster';

if (cluster.isPrimary) {
  shareConnections();

  const connections = { open: 0, most: 0 };
  const origin = createServer((_req, res) => setTimeout(() => res.end('ok\n'), 10));
  origin.on('connection', (socket) => {
    connections.open += 1;
    connections.most = Math.max(connections.most, connections.open);
    socket.on('close', () => {
      connections.open -= 1;
    });
  });
  origin.listen(0, '127.0.0.1');
  await once(origin, 'listening');

  const ORIGIN = `http://127.0.0.1:${(origin.address() as AddressInfo).port}`;
  const workers = [cluster.fork({ ORIGIN }), cluster.fork({ ORIGIN })];
  await Promise.all(workers.map((worker) => once(worker, 'exit')));
  console.log(`the origin has seen ${connections.most} connections at once`);
  origin.close();
} else {
  const name = `worker ${cluster.worker?.id}`;
  const backend = new PooledBackend({
    origins: [process.env.ORIGIN ?? ''],
    maxConnections: { total: 20 }, // of all workers together
  });
  backend.on('shareChanged', ({ share, total }) => console.log(`${name} may have ${share} of ${total} connections`));
  await backend.ready(); // it has a share

  const requests = Array.from({ length: 200 }, () => backend.request({ method: 'GET', path: '/' }));
  for (const { body } of await Promise.all(requests)) await body.text();
  console.log(`${name} has had ${requests.length} answers`);
  await backend.close();
  cluster.worker?.disconnect();
}
