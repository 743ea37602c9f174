/** Express: a mount with options of its own, and an error handler that says what a client should know. */

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express, { type ErrorRequestHandler } from 'express';
import { BackendError, PooledBackend } from 'pooled-backend';

const origin = createServer((req, res) => {
  if (req.url === '/crash') req.socket.destroy();
  else res.end(`${req.method} ${req.url}, asked through ${req.headers['x-forwarded-host']}\n`);
}).listen(0, '127.0.0.1');
await once(origin, 'listening');

const backend = new PooledBackend(`http://127.0.0.1:${(origin.address() as AddressInfo).port}`);

const app = express();
app.get('/health', (_req, res) => {
  res.json({ queue: backend.stats().queue.length });
});
// Before any body parser. Express strips `/api` from the path.
app.use('/api', backend.handler({ headersTimeout: 5_000 }));

const onBackendError: ErrorRequestHandler = (error, _req, res, next) => {
  if (!BackendError.is(error) || res.headersSent) {
    next(error);
    return;
  }
  res.status(error.statusCode).json({ error: error.code, delivery: error.delivery });
};
app.use(onBackendError);

const front = app.listen(0, '127.0.0.1');
await once(front, 'listening');
const url = `http://127.0.0.1:${(front.address() as AddressInfo).port}`;

async function show(path: string, init?: RequestInit): Promise<void> {
  const response = await fetch(url + path, init);
  console.log(response.status, (await response.text()).trim());
}
await show('/health');
await show('/api/hello');
await show('/api/orders', { method: 'POST', body: '{"book":1}' });
await show('/api/crash', { method: 'POST' }); // sent once, and nobody knows whether it was processed

await backend.close();
front.close();
origin.close();
