import type { LookupAddress } from 'node:dns';
import { ManualClock } from 'pooled-backend/testing';
import { expect, test } from 'vitest';
import { lookupAt } from '../../src/fleet/host-lookup.js';
import { DnsServer } from './dns-server.js';

const HOST = 'node-1.example';

test('a lookup that has all its answers leaves no timer behind', async () => {
  const dns = await DnsServer.start();
  dns.set('A', HOST, [{ address: '127.0.0.2' }]);
  dns.set('AAAA', HOST, [{ address: '::1' }]);
  const clock = new ManualClock();
  const found = await new Promise<[string | LookupAddress[], number]>((resolve) => {
    const where = { type: 'SRV', host: 'example', port: undefined, protocol: 'http:', interval: 1_000 } as const;
    const lookup = lookupAt({ ...where, name: '_http._tcp.example', servers: [dns.address] }, clock);
    lookup?.(HOST, { all: true }, (_, addresses) => resolve([addresses, clock.pending]));
  });
  const addresses = [
    { address: '127.0.0.2', family: 4 },
    { address: '::1', family: 6 },
  ];
  expect(found).toEqual([addresses, 0]);
});
