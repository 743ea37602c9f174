/** Hono on Node: a route that relays, and a route that asks the backend itself. */

import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Http2Bindings, type HttpBindings, serve } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { Hono } from 'hono';
import { PooledBackend } from 'pooled-backend';

const origin = createServer((req, res) => {
  res.setHeader('Content-Type', 'application/json');
  res.end(JSON.stringify({ asked: `${req.method} ${req.url}` }));
}).listen(0, '127.0.0.1');
await once(origin, 'listening');

const backend = new PooledBackend(`http://127.0.0.1:${(origin.address() as AddressInfo).port}`);
const handle = backend.handler({ rewritePath: (path) => path.replace(/^\/api\/?/, '/') });

const app = new Hono<{ Bindings: HttpBindings }>();
app.get('/summary', async (c) => {
  const response = await backend.fetch('/items?count');
  return c.json({ status: response.status, items: await response.json() });
});
app.all('/api/*', (c) => {
  handle(c.env.incoming, c.env.outgoing);
  return RESPONSE_ALREADY_SENT;
});

// Hono makes a response of its own of what it gets for HEAD, and would send that, too.
const answer = async (request: Request, env: HttpBindings | Http2Bindings) => {
  const response = await app.fetch(request, env);
  return response.headers.has('x-hono-already-sent') ? RESPONSE_ALREADY_SENT : response;
};
const front = serve({ fetch: answer, port: 0, hostname: '127.0.0.1' }) as Server;
await once(front, 'listening');
const url = `http://127.0.0.1:${(front.address() as AddressInfo).port}`;
for (const [method, path] of [
  ['GET', '/summary'],
  ['GET', '/api/items'],
  ['HEAD', '/api/items'],
] as const) {
  const response = await fetch(url + path, { method });
  console.log(response.status, response.headers.get('content-type'), await response.text());
}

await backend.close();
front.close();
front.closeAllConnections();
origin.close();
