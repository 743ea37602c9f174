/** Fastify 5: a plugin that relays everything below a prefix, and closes its backend with the server. */

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import fastify from 'fastify';
import { fastifyPooledBackend } from 'pooled-backend/fastify';

const origin = createServer((req, res) => {
  res.setHeader('Content-Type', 'application/json');
  req.setEncoding('utf8');
  let body = '';
  req.on('data', (piece: string) => {
    body += piece;
  });
  req.on('end', () => res.end(JSON.stringify({ method: req.method, path: req.url, body })));
}).listen(0, '127.0.0.1');
await once(origin, 'listening');

const app = fastify();
// Hooks of the server guard what is relayed, too. Its body parsers are left out.
app.addHook('onRequest', async (request, reply) => {
  if (request.headers.authorization === undefined) await reply.code(401).send({ error: 'who are you?' });
});
app.register(fastifyPooledBackend, {
  prefix: '/api',
  origins: [`http://127.0.0.1:${(origin.address() as AddressInfo).port}`],
  maxConnections: 20,
});

const url = await app.listen({ port: 0, host: '127.0.0.1' });
const headers = { authorization: 'Bearer me' };
console.log(await (await fetch(`${url}/api/items`)).json());
console.log(await (await fetch(`${url}/api/items?page=2`, { headers })).json());
console.log(await (await fetch(`${url}/api/items`, { method: 'POST', body: 'a new one', headers })).json());

await app.close();
origin.close();
