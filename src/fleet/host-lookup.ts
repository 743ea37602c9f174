/** Finds the addresses of the hosts that SRV records name. */

import type { Resolver } from 'node:dns/promises';
import type { LookupFunction } from 'node:net';
import type { ResolvedDns } from '../options.js';
import type { Clock, Timer } from '../time/clock.js';
import { resolverOf } from './dns-resolver.js';

// Some servers answer for one version of addresses and are silent for the other. When there are addresses of one version, this is
// how long those of the other are waited for ("Resolution Delay", RFC 8305 §8).
const OTHER_VERSION_MS = 50;

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
  let giveUp: Timer | undefined;
  const giveUpLater = () => {
    giveUp ??= clock.after(OTHER_VERSION_MS, () => resolver.cancel());
  };
  for (const question of questions) question.then(giveUpLater, () => {});
  const answers = await Promise.allSettled(questions);
  giveUp?.cancel();
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
