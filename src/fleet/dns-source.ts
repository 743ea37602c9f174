/** Sets of origins from DNS, found with the resolver of Node that asks DNS servers itself (c-ares). */

import { Resolver } from 'node:dns/promises';
import type { LookupFunction } from 'node:net';
import type { Clock } from '../clock.js';
import type { ResolvedDns } from '../options.js';
import { originsOfAddresses, originsOfServices, shortestTtlMs } from './dns-set.js';
import type { AskedSource, Found } from './origin-source.js';

// For one question to one server; each further try waits twice as long.
const QUERY_MS = 2000;
const TRIES = 2;
// Some servers answer for one version of addresses and are silent for the other. When there are addresses of one version, this is
// how long those of the other are waited for ("Resolution Delay", RFC 8305 §8).
const OTHER_VERSION_MS = 50;

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

/**
 * Resolves the hosts that SRV records name, at the servers that know them. `undefined` = the system's own servers know them: they
 * are asked as for every other origin, with the system's file of hosts.
 */
export function lookupAt(dns: ResolvedDns | undefined, clock: Clock): LookupFunction | undefined {
  if (dns?.servers === undefined || dns.type !== 'SRV') return undefined;
  const { servers } = dns;
  return (hostname, { all, family }, callback) => {
    const version = family === 'IPv4' ? 4 : family === 'IPv6' ? 6 : family;
    addressesOf(resolverOf(servers), hostname, version, clock).then(
      (found) => {
        const [first] = found;
        if (all === true) callback(null, found);
        else callback(null, first?.address ?? '', first?.family);
      },
      (error) => callback(error, ''),
    );
  };
}

interface FoundAddress {
  readonly address: string;
  readonly family: 4 | 6;
}

/** Addresses of version 4 come first. Rejects when there is no address of any version that is asked for. */
async function addressesOf(
  resolver: Resolver,
  hostname: string,
  version: number | undefined,
  clock: Clock,
): Promise<FoundAddress[]> {
  const questions = [
    ...(version === 6 ? [] : [some(resolver.resolve4(hostname), 4)]),
    ...(version === 4 ? [] : [some(resolver.resolve6(hostname), 6)]),
  ];
  const giveUp = () => void clock.after(OTHER_VERSION_MS, () => resolver.cancel());
  Promise.any(questions).then(giveUp, () => {});
  const answers = await Promise.allSettled(questions);
  const found = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
  if (found.length > 0) return found;
  throw answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason] : []))[0];
}

/** Rejects an answer without addresses: servers give one for an alias of a name that has no address of this version. */
async function some(answer: Promise<string[]>, family: 4 | 6): Promise<FoundAddress[]> {
  const addresses = await answer;
  if (addresses.length === 0) throw Object.assign(new Error(`no address of version ${family}`), { code: 'ENODATA' });
  return addresses.map((address) => ({ address, family }));
}

function resolverOf(servers: readonly string[] | undefined): Resolver {
  const resolver = new Resolver({ timeout: QUERY_MS, tries: TRIES });
  if (servers !== undefined) resolver.setServers(servers);
  return resolver;
}
