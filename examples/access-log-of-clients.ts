/** The client's side of an access log: how long it took to send its request and to take the response; the bytes of tunnels. */

import { AsyncLocalStorage } from 'node:async_hooks';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { type AddressInfo, connect, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { PooledBackend } from 'pooled-backend';

// Answers with 20 megabytes. As a tunnel it greets, and sends back what it hears.
const origin = createServer((_req, res) => res.end(Buffer.alloc(20_000_000)));
origin.on('upgrade', (_req, socket) => {
  socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nhello');
  socket.pipe(socket);
});
origin.listen(0, '127.0.0.1');
await once(origin, 'listening');

const origins = [`http://127.0.0.1:${(origin.address() as AddressInfo).port}`];
const backend = new PooledBackend({ origins, spoolBytes: 32_000_000 });
// Events about a request come in its own context, so that both sides meet in one line.
const visits = new AsyncLocalStorage<{ answeredAt: number }>();
const onEnd = () => Object.assign(visits.getStore() ?? {}, { answeredAt: performance.now() });
backend.on('request', onEnd).on('fail', onEnd);

const relay = backend.handler();
const front = createServer((req, res) => {
  const begunAt = performance.now();
  const visit = { readAt: begunAt, answeredAt: begunAt };
  req.once('end', () => Object.assign(visit, { readAt: performance.now() })); // comes only where there is a body
  res.once('close', () => {
    const [sentMs, takenMs] = [visit.readAt - begunAt, performance.now() - visit.answeredAt].map(Math.round);
    console.log(
      `${res.writableFinished ? '--' : 'CD'} ${req.method} ${req.url} ${res.statusCode} ${sentMs}/${takenMs}`,
    );
  });
  visits.run(visit, () => relay(req, res));
}).listen(0, '127.0.0.1');
const tunnel = backend.upgradeHandler();
front.on('upgrade', (req, socket, head) => {
  tunnel(req, socket, head);
  if (!(socket instanceof Socket)) return;
  const before = socket.bytesRead - head.length; // with the requests that came before
  socket.once('close', () => console.log(`${req.url}: ${socket.bytesRead - before} up, ${socket.bytesWritten} down`));
});
await once(front, 'listening');
const { port } = front.address() as AddressInfo;
const sending = request({ port, method: 'POST', path: '/slow', agent: false });
sending.write('slow');
await sleep(200);
const [slow] = await once(sending.end('ly'), 'response');
await sleep(300); // reads nothing meanwhile
await once(slow.resume(), 'end');

const client = connect(port).on('data', (bytes) => String(bytes).includes('hello') && client.end('ping'));
client.write('GET /tunnel HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
await once(client, 'close');
await backend.close();
for (const server of [front, origin]) server.close();
