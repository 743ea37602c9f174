/** Requests of your own through the pool: bodies, limits, a signal, and what an error tells. */

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { BackendError, PooledBackend } from 'pooled-backend';

const origin = createServer((req, res) => {
  if (req.url === '/slow') return; // never answers
  res.setHeader('Content-Type', 'application/json');
  res.end(JSON.stringify({ method: req.method, path: req.url, type: req.headers['content-type'] }));
}).listen(0, '127.0.0.1');
await once(origin, 'listening');

const backend = new PooledBackend(`http://127.0.0.1:${(origin.address() as AddressInfo).port}`);

// The body of a response must be read, or destroyed: it holds a connection until then.
const read = await backend.request({ path: '/items?page=2', headers: { accept: 'application/json' } });
console.log(read.statusCode, await read.body.json());

// A search is a POST that changes nothing: declared idempotent, it may ride any connection and be sent again.
const found = await backend.request({
  method: 'POST',
  path: '/search',
  body: new URLSearchParams({ q: 'pool' }),
  idempotent: true,
});
console.log(found.statusCode, await found.body.json());
console.log('on a reused connection:', found.attempts[0]?.reused);

async function fails(what: string, options: Parameters<typeof backend.request>[0]): Promise<void> {
  try {
    await backend.request(options);
  } catch (error) {
    if (!BackendError.is(error)) throw error;
    console.log(`${what}: ${error.code} (${error.statusCode}), ${error.delivery}`);
  }
}
await fails('too slow', { path: '/slow', headersTimeout: 50 });
await fails('given up', { path: '/slow', signal: AbortSignal.timeout(50) });
await fails('not a path', { path: 'items' });

await backend.close();
origin.close();
