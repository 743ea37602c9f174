/** Sets of origins from DNS, found with the resolver of Node that asks DNS servers itself (c-ares). */

import type { Resolver } from 'node:dns/promises';
import type { ResolvedDns } from '../options.js';
import { resolverOf } from './dns-resolver.js';
import { originsOfAddresses, originsOfServices, shortestTtlMs } from './dns-set.js';
import type { AskedSource, Found } from './origin-source.js';

/** A source that looks the name up. Search domains and the file of hosts are not consulted. */
export function dnsSource(dns: ResolvedDns): AskedSource {
  return {
    kind: 'dns',
    intervalMs: dns.interval,
    async look(signal) {
      const resolver = resolverOf(dns.servers);
      const cancel = () => resolver.cancel();
      signal.addEventListener('abort', cancel);
      try {
        return await found(resolver, dns);
      } finally {
        signal.removeEventListener('abort', cancel);
      }
    },
  };
}

async function found(resolver: Resolver, { name, type, port, ...scheme }: ResolvedDns): Promise<Found> {
  if (type === 'SRV') {
    // node:dns does not tell how long SRV records may be kept.
    return { set: originsOfServices(await resolver.resolveSrv(name), scheme), keepMs: undefined };
  }
  const records = await (type === 'A'
    ? resolver.resolve4(name, { ttl: true })
    : resolver.resolve6(name, { ttl: true }));
  return { set: originsOfAddresses(records, port, scheme), keepMs: shortestTtlMs(records) };
}
