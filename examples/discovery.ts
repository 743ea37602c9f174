/** Origins from a registry: while a deployment takes over from another, no request is lost. */

import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type OriginSet, PooledBackend } from 'pooled-backend';

async function listen(listener: RequestListener): Promise<{ server: Server; url: string }> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const version = (name: string) => listen((_, res) => setTimeout(() => res.end(name), 5));
const [blue, green] = [await version('blue'), await version('green')];
let registered = [blue.url];
const registry = await listen((_, res) => res.end(JSON.stringify(registered)));

const backend = new PooledBackend({
  originsInterval: 50,
  origins: async ({ signal }): Promise<OriginSet> => {
    const response = await fetch(registry.url, { signal });
    return (await response.json()) as OriginSet;
  },
});
backend.on('discovered', ({ origins }) => console.log(`${origins.length} origins`));
backend.on('discoveryFailed', ({ error }) => console.log('the last set stays:', String(error).slice(0, 60)));
await backend.ready();

const answered: Record<string, number> = {};
let sending = true;
async function client(): Promise<void> {
  while (sending) {
    const response = await backend.request({ path: '/' });
    const text = await response.body.text();
    answered[text] = (answered[text] ?? 0) + 1;
  }
}
const clients = Array.from({ length: 20 }, client);

registered = [blue.url, green.url]; // green comes
await once(backend, 'discovered');
registered = []; // the registry loses its memory: that is no set
await once(backend, 'discoveryFailed');
registered = [green.url]; // and blue goes
while (backend.origins.names.length > 1) await once(backend, 'discovered');

sending = false;
await Promise.all(clients); // none of them has failed
console.log('answered by', Object.keys(answered).sort().join(' and '));
await backend.close();
for (const { server } of [blue, green, registry]) server.close().closeAllConnections();
