/** The status page beside an application, on a port of its own; and its data, for programs. */

import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PooledBackend } from 'pooled-backend';

async function listen(listener: RequestListener) {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const origin = await listen((req, res) => {
  setTimeout(() => res.end(req.url), 5);
});
const backend = new PooledBackend({ origins: [origin.url], maxConnections: 4 });
const front = await listen(backend.handler());
// Names your origins: not for everybody. Open it in a browser.
const status = await listen(backend.statusHandler({ title: 'shop' }));

await Promise.all(Array.from({ length: 40 }, async (_, n) => (await fetch(`${front.url}/${n}`)).text()));

const page = await fetch(status.url);
console.log(page.status, page.headers.get('content-type'));

const report = (await (await fetch(`${status.url}?format=json`)).json()) as { origins: { slots: object[] }[] };
console.log(report.origins[0]?.slots); // four connections, and how many requests each has carried

const csv = await (await fetch(`${status.url}/;csv`)).text(); // in the columns of HAProxy
console.log(csv.split('\n').length - 2, 'lines: one origin, and the backend');

await backend.close();
for (const { server } of [front, status, origin]) {
  server.close();
  server.closeAllConnections();
}
