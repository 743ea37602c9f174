/** What can be watched: events of one backend, channels of all backends of a process, and the counts. */

import { subscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PooledBackend } from 'pooled-backend';

// Hangs up in the middle of every third request.
let requests = 0;
const origin = createServer((req, res) => {
  requests += 1;
  if (requests % 3 === 0) req.socket.destroy();
  else res.end('ok\n');
}).listen(0, '127.0.0.1');
await once(origin, 'listening');

// Found by name: whoever collects metrics needs no reference to the backend.
const durations: number[] = [];
subscribe('pooled-backend:request', (message) => {
  const { durationMs } = message as { durationMs: number };
  durations.push(durationMs);
});

const backend = new PooledBackend(`http://127.0.0.1:${(origin.address() as AddressInfo).port}`);
backend.on('resend', ({ method, path, reason }) => console.log(`sent again: ${method} ${path}, ${reason}`));
backend.on('fail', ({ method, path, error }) =>
  console.log(`failed: ${method} ${path}, ${error.code}, ${error.delivery}`),
);

for (const [method, path] of [
  ['GET', '/1'],
  ['GET', '/2'],
  ['GET', '/3'],
  ['GET', '/5'],
  ['POST', '/6'],
] as const) {
  const response = await backend.request({ method, path }).catch(() => undefined);
  await response?.body.text();
}

const [stats] = backend.stats().origins;
console.log(
  `${durations.length} requests answered, the slowest in ${Math.max(...durations) < 1000 ? 'less' : 'more'} than a second`,
);
console.log('closed', stats?.closed, 'sent again', stats?.resent, 'failed', stats?.delivery);

await backend.close();
origin.close();
