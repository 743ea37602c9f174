import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { PooledBackend } from 'pooled-backend';
import { describe, expect, onTestFinished, test } from 'vitest';
import { DnsServer } from './dns-server.js';
import { backendOf } from './setting.js';

/** Servers of one port on addresses of loopback: pods of a headless service. Each answers with its address. */
async function pods(...addresses: string[]): Promise<number> {
  let port = 0;
  for (const address of addresses) port = await pod(address, port);
  return port;
}

async function pod(address: string, port = 0): Promise<number> {
  const server: Server = createServer((req, res) => res.end(`${address} ${req.headers.host}`));
  await once(server.listen(port, address), 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

async function get(backend: PooledBackend): Promise<string> {
  return (await backend.request({ path: '/' })).body.text();
}

async function answers(backend: PooledBackend, count: number): Promise<string[]> {
  const all = new Set<string>();
  for (let sent = 0; sent < count; sent += 1) all.add((await get(backend)).split(' ')[0] ?? '');
  return [...all].sort();
}

/** Resolves when the origins are these. */
async function names(backend: PooledBackend, wanted: readonly string[]): Promise<void> {
  while (backend.origins.names.join() !== wanted.join()) await once(backend, 'discovered');
}

const WEB = 'web.default.svc.cluster.local';

describe('a headless service of Kubernetes', () => {
  test('each pod is an origin, called by the name of the service', async () => {
    const dns = await DnsServer.start();
    const port = await pods('127.0.0.2', '127.0.0.3');
    dns.set('A', WEB, [{ address: '127.0.0.3' }, { address: '127.0.0.2' }]);
    const backend = backendOf({
      dns: { name: WEB, port, servers: [dns.address] },
      balance: 'round-robin',
    });
    await backend.ready();
    expect(backend.origins.names).toEqual([`http://127.0.0.2:${port}`, `http://127.0.0.3:${port}`]);
    expect([await answers(backend, 4), await get(backend)]).toEqual([
      ['127.0.0.2', '127.0.0.3'],
      expect.stringContaining(`${WEB}:${port}`),
    ]);
  });

  test('pods that come serve, and those that go serve no more', async () => {
    const dns = await DnsServer.start();
    const port = await pods('127.0.0.2', '127.0.0.3');
    dns.set('A', WEB, [{ address: '127.0.0.2' }]);
    const backend = backendOf({ dns: { name: `${WEB}.`, port, interval: 20, servers: [dns.address] } });
    const first = await answers(backend, 3);
    dns.set('A', WEB, [{ address: '127.0.0.3' }]);
    await names(backend, [`http://127.0.0.3:${port}`]);
    expect([first, await answers(backend, 3)]).toEqual([['127.0.0.2'], ['127.0.0.3']]);
  });

  test.each(['no records', 'no such name', 'a failure'])('with %s the last pods stay, and it is told', async (what) => {
    const dns = await DnsServer.start();
    const port = await pods('127.0.0.2');
    dns.set('A', WEB, [{ address: '127.0.0.2' }]);
    const backend = backendOf({ dns: { name: WEB, port, interval: 20, servers: [dns.address] } });
    await backend.ready();
    if (what === 'no such name') dns.forget('A', WEB);
    else dns.set('A', WEB, what === 'a failure' ? 'refused' : []);
    const [{ source, failures }] = await once(backend, 'discoveryFailed');
    expect([source, failures, await answers(backend, 2)]).toEqual(['dns', 1, ['127.0.0.2']]);
    dns.set('A', WEB, [{ address: '127.0.0.2' }]);
    await once(backend, 'discovered');
    expect(backend.stats().discovery).toMatchObject({ source: 'dns', failures: 0, error: null });
  });

  test('with no answer at all the last pods stay, and it is told', async () => {
    const dns = await DnsServer.start();
    const port = await pods('127.0.0.2');
    dns.set('A', WEB, [{ address: '127.0.0.2' }]);
    const backend = backendOf({ dns: { name: WEB, port, interval: 20, servers: [dns.address] } });
    await backend.ready();
    dns.set('A', WEB, 'silent');
    const [{ error }] = await once(backend, 'discoveryFailed');
    expect([error.code, await answers(backend, 2)]).toEqual(['ETIMEOUT', ['127.0.0.2']]);
  });

  test('what is under way at a pod that goes ends there', async () => {
    const dns = await DnsServer.start();
    let finish = () => {};
    const server = createServer((_req, res) => {
      finish = () => void res.end('late');
    });
    await once(server.listen(0, '127.0.0.2'), 'listening');
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    await pod('127.0.0.3', port);
    dns.set('A', WEB, [{ address: '127.0.0.2' }]);
    const backend = backendOf({ dns: { name: WEB, port, interval: 20, servers: [dns.address] } });
    const underWay = get(backend);
    await once(server, 'request');
    dns.set('A', WEB, [{ address: '127.0.0.3' }]);
    await names(backend, [`http://127.0.0.3:${port}`]);
    const others = await answers(backend, 2);
    finish();
    expect([others, await underWay]).toEqual([['127.0.0.3'], 'late']);
  });

  test('the time to live is what the next lookup waits for, where it is less than the interval', async () => {
    const dns = await DnsServer.start();
    dns.set('A', WEB, [{ address: '127.0.0.2', ttl: 7 }]);
    const backend = backendOf({ dns: { name: WEB, port: 1, servers: [dns.address] } });
    await backend.ready();
    const { nextInMs } = backend.stats().discovery ?? {};
    expect(nextInMs).toBeLessThanOrEqual(7000);
    expect(dns.asked(`A ${WEB}`)).toBe(1);
  });

  test('addresses of version 6', async () => {
    const dns = await DnsServer.start();
    dns.set('AAAA', WEB, [{ address: '::1' }, { address: 'fd00::2' }]);
    const backend = backendOf({ dns: { name: WEB, type: 'AAAA', port: 8080, servers: [dns.address] } });
    await backend.ready();
    expect(backend.origins.names).toEqual(['http://[::1]:8080', 'http://[fd00::2]:8080']);
  });
});

describe('a service of Consul', () => {
  const SERVICE = 'web.service.consul';
  const NODES = ['n1.node.dc1.consul', 'n2.node.dc1.consul', 'n3.node.dc1.consul'] as const;

  test('each instance is an origin with its port and weight; hosts are resolved where the records came from', async () => {
    const dns = await DnsServer.start();
    const [one, two, spare] = [await pod('127.0.0.2'), await pod('127.0.0.3'), await pod('127.0.0.4')];
    dns.set('SRV', SERVICE, [
      { target: NODES[0], port: one, priority: 1, weight: 10 },
      { target: NODES[1], port: two, priority: 1, weight: 30 },
      { target: NODES[2], port: spare, priority: 2, weight: 1 },
    ]);
    for (const [index, node] of NODES.entries()) dns.set('A', node, [{ address: `127.0.0.${index + 2}` }]);
    const backend = backendOf({
      dns: { name: SERVICE, type: 'SRV', servers: [dns.address] },
      balance: 'round-robin',
      minConnections: 1,
    });
    await backend.ready();
    const origins = backend.stats().origins.map(({ origin, weight, backup }) => [origin, weight, backup]);
    expect(origins).toEqual([
      [`http://${NODES[0]}:${one}`, 10, false],
      [`http://${NODES[1]}:${two}`, 30, false],
      [`http://${NODES[2]}:${spare}`, 1, true],
    ]);
    const counts = new Map<string, number>();
    for (let sent = 0; sent < 8; sent += 1) {
      const answer = (await get(backend)).split(' ')[0] ?? '';
      counts.set(answer, (counts.get(answer) ?? 0) + 1);
    }
    expect(Object.fromEntries(counts)).toEqual({ '127.0.0.2': 2, '127.0.0.3': 6 });
  });

  test('backups serve when those of the lowest priority cannot be dialled', async () => {
    const dns = await DnsServer.start();
    const port = await pod('127.0.0.3');
    dns.set('SRV', SERVICE, [
      { target: NODES[0], port: 1, priority: 1 },
      { target: NODES[1], port, priority: 2 },
    ]);
    for (const [index, node] of NODES.entries()) dns.set('A', node, [{ address: `127.0.0.${index + 2}` }]);
    const backend = backendOf({ dns: { name: SERVICE, type: 'SRV', servers: [dns.address] } });
    expect(await get(backend)).toBe(`127.0.0.3 ${SERVICE}:${port}`);
  });

  test('priorities that change make servers of backups, and backups of servers', async () => {
    const dns = await DnsServer.start();
    const ports = [await pod('127.0.0.2'), await pod('127.0.0.3')];
    const set = (...priorities: number[]) =>
      dns.set(
        'SRV',
        SERVICE,
        priorities.map((priority, index) => ({ target: NODES[index] ?? '', port: ports[index] ?? 0, priority })),
      );
    for (const [index, node] of NODES.entries()) dns.set('A', node, [{ address: `127.0.0.${index + 2}` }]);
    set(1, 2);
    const backend = backendOf({ dns: { name: SERVICE, type: 'SRV', interval: 20, servers: [dns.address] } });
    const before = await answers(backend, 3);
    set(2, 1);
    const { sets = 0 } = backend.stats().discovery ?? {};
    while ((backend.stats().discovery?.sets ?? 0) < sets + 2) await new Promise((resolve) => setImmediate(resolve));
    expect([before, await answers(backend, 3)]).toEqual([['127.0.0.2'], ['127.0.0.3']]);
  });

  test.each([
    ['4', 'A', '127.0.0.2', 'AAAA'],
    ['6', 'AAAA', '::1', 'A'],
  ] as const)(
    'a host of version %s is reached though its servers are silent for the other',
    async (_, type, address, other) => {
      const dns = await DnsServer.start();
      dns.set('SRV', SERVICE, [{ target: NODES[0], port: await pods(address) }]);
      dns.set(type, NODES[0], [{ address }]);
      dns.set(other, NODES[0], 'silent');
      const backend = backendOf({ dns: { name: SERVICE, type: 'SRV', servers: [dns.address] }, queueTimeout: 1_000 });
      expect(await get(backend)).toContain(address);
    },
  );

  test('a host that its servers do not know is a failed dial', async () => {
    const dns = await DnsServer.start();
    dns.set('SRV', SERVICE, [{ target: NODES[0], port: 80 }]);
    const backend = backendOf({ dns: { name: SERVICE, type: 'SRV', servers: [dns.address] }, queueTimeout: 1_000 });
    await expect(get(backend)).rejects.toMatchObject({ code: 'dns_error', statusCode: 502 });
  });
});

test('close() ends the watch', async () => {
  const dns = await DnsServer.start();
  dns.set('A', WEB, [{ address: '127.0.0.2' }]);
  const backend = backendOf({ dns: { name: WEB, port: 1, interval: 1, servers: [dns.address] } });
  await backend.ready();
  await backend.close();
  expect(backend.stats().discovery).toMatchObject({ state: 'closed', nextInMs: null });
});
