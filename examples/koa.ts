/** Koa: everything under a prefix goes to the backend, behind a middleware of the application. */

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import Koa from 'koa';
import { PooledBackend } from 'pooled-backend';

const origin = createServer((req, res) => {
  res.end(`${req.method} ${req.url} for ${req.headers['x-user']}\n`);
}).listen(0, '127.0.0.1');
await once(origin, 'listening');

const backend = new PooledBackend(`http://127.0.0.1:${(origin.address() as AddressInfo).port}`);
const handle = backend.handler({
  rewritePath: (path) => path.slice('/api'.length),
  onRequestFields: (fields, req) => [...fields, 'X-User', String(Reflect.get(req, 'user'))],
});

const app = new Koa();
app.use(async (ctx, next) => {
  Reflect.set(ctx.req, 'user', 'ada');
  await next();
});
app.use(async (ctx, next) => {
  if (!ctx.path.startsWith('/api/')) {
    await next();
    return;
  }
  ctx.respond = false; // the response is the backend's to write
  handle(ctx.req, ctx.res);
});
app.use((ctx) => {
  ctx.body = 'the application\n';
});

const front = app.listen(0, '127.0.0.1');
await once(front, 'listening');
const url = `http://127.0.0.1:${(front.address() as AddressInfo).port}`;
for (const path of ['/', '/api/items']) {
  const response = await fetch(url + path);
  console.log(response.status, (await response.text()).trim());
}

await backend.close();
front.close();
front.closeAllConnections();
origin.close();
