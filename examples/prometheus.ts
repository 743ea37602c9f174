/** Metrics for Prometheus: two backends in one registry, and what a scrape finds. */

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PooledBackend } from 'pooled-backend';
import { registerMetrics } from 'pooled-backend/prometheus';
import { Registry } from 'prom-client';

const origin = createServer((_req, res) => res.end('ok\n')).listen(0, '127.0.0.1');
await once(origin, 'listening');
const url = `http://127.0.0.1:${(origin.address() as AddressInfo).port}`;

const registry = new Registry();
const shop = new PooledBackend(url);
const search = new PooledBackend(url);
registerMetrics(shop, { registry, name: 'shop' });
registerMetrics(search, { registry, name: 'search' });

// The page that Prometheus asks for, beside what is relayed.
const handle = shop.handler();
const front = createServer(async (req, res) => {
  if (req.url !== '/metrics') return handle(req, res);
  res.setHeader('Content-Type', registry.contentType).end(await registry.metrics());
}).listen(0, '127.0.0.1');
await once(front, 'listening');
const base = `http://127.0.0.1:${(front.address() as AddressInfo).port}`;

for (let request = 0; request < 20; request += 1) await (await fetch(`${base}/${request}`)).text();
await (await search.request({ path: '/' })).body.text();

const text = await (await fetch(`${base}/metrics`)).text();
for (const line of text.split('\n')) if (/exchanges_total\{|duration_seconds_count\{/.test(line)) console.log(line);

front.close();
await Promise.all([shop.close(), search.close()]);
origin.close();
