/** Origins that are found at run time: the options, as the owner writes them and as the library knows them. */

import { Resolver } from 'node:dns';
import { isIP } from 'node:net';
import {
  type Check,
  integer,
  isObject,
  mapped,
  matching,
  numberBetween,
  oneOf,
  optional,
  optionalSection,
  type Rule,
  type Rules,
  refusal,
  required,
  withDefault,
} from './checks.js';
import { MOST_CONNECTIONS } from './connections.js';
import { type OriginOptions, resolveHost } from './origins.js';

/** All origins of one moment, as in the option `origins`. */
export type OriginSet = readonly (string | URL | OriginOptions)[];

/** What a function that finds origins is given. */
export interface OriginsCall {
  /** Aborted when the backend is closed, or the call has taken 30 s and counts as failed. */
  readonly signal: AbortSignal;
}

/** Finds the origins; called each `originsInterval`. */
export type FindOrigins = (call: OriginsCall) => OriginSet | PromiseLike<OriginSet>;

/** The option `origins`: a set, or what gives one after the other. */
export type OriginsOption = OriginSet | FindOrigins | AsyncIterable<OriginSet>;

/** A name that is looked up in DNS, again and again. */
export interface DnsOptions {
  /** Fully qualified: search domains are not tried. For SRV with service and protocol where there are any: `_http._tcp.web.example`. */
  readonly name: string;
  /** Records to ask for: addresses of version 4 or 6, or hosts with ports, weights and priorities (RFC 2782). @default 'A' */
  readonly type?: 'A' | 'AAAA' | 'SRV' | undefined;
  /** Of addresses: SRV records have their own. An integer from 1 to 65535. @default that of the protocol */
  readonly port?: number | undefined;
  /** Whether the origins are asked with TLS. @default 'http:' */
  readonly protocol?: 'http:' | 'https:' | undefined;
  /** What the origins are called, in the Host field and in TLS; see `host` of an origin. @default the name */
  readonly host?: string | undefined;
  /**
   * Milliseconds between two lookups, at most. Addresses are looked up again when their time to live is over, but not within
   * a second.
   *
   * @default 30000
   */
  readonly interval?: number | undefined;
  /** Addresses of DNS servers, with a port or without: `'127.0.0.1:8600'`. Hosts of SRV records are resolved there too. @default those of the system */
  readonly servers?: readonly string[] | undefined;
}

/** All settings known. */
export interface ResolvedDns {
  readonly name: string;
  readonly type: 'A' | 'AAAA' | 'SRV';
  readonly port: number | undefined;
  readonly protocol: 'http:' | 'https:';
  readonly host: string;
  readonly interval: number;
  readonly servers: readonly string[] | undefined;
}

/** As long as a timer can be. */
export const pause: Check<number> = numberBetween(1, 2_147_483_647);

// Letters, digits, hyphens, and the underscores of services; 63 octets a label, 253 a name (RFC 1035 §2.3.4).
const NAME = /^(?=.{1,254}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*\.?$/i;

const dnsName = matching(
  'a domain name',
  (value): value is string => typeof value === 'string' && NAME.test(value) && isIP(value) === 0,
);

const serverList = matching(
  "a list of IP addresses, with a port or without, as '127.0.0.1:8600'",
  (value): value is readonly string[] => Array.isArray(value) && value.length > 0 && value.every(isServer),
);

function isServer(value: unknown): boolean {
  if (typeof value !== 'string') return false;
  try {
    new Resolver().setServers([value]);
    return true;
  } catch {
    return false;
  }
}

interface DnsSection extends Omit<ResolvedDns, 'host'> {
  readonly host: string | undefined;
}

const dnsRules: Rules<DnsSection> = {
  name: required(dnsName),
  type: withDefault(oneOf('A', 'AAAA', 'SRV'), 'A'),
  port: optional(integer(1, MOST_CONNECTIONS)),
  protocol: withDefault(oneOf('http:', 'https:'), 'http:'),
  host: (name, value) => {
    const host = optional(matching('a string', (one): one is string => typeof one === 'string'))(name, value);
    if (host !== undefined) resolveHost(name, host);
    return host;
  },
  interval: withDefault(pause, 30_000),
  servers: mapped(optional(serverList), (servers) => servers && Object.freeze([...servers])),
};

/** How the option `dns` is read. */
export const dnsRule: Rule<ResolvedDns | undefined> = (name, value) => {
  const dns = optionalSection(dnsRules)(name, value);
  if (dns === undefined) return undefined;
  if (dns.type === 'SRV' && dns.port !== undefined) {
    throw refusal(`${name}.port`, 'left out for SRV, whose records have ports', dns.port, false);
  }
  return Object.freeze({ ...dns, host: dns.host ?? hostOfName(dns.name) });
};

/** The name that a certificate and a Host field speak of: `_http._tcp.api.example.` is a service of `api.example`. */
function hostOfName(name: string): string {
  return name.replace(/\.$/, '').replace(/^_[^.]+\._[^.]+\./, '');
}

const ACCEPTED = 'a list of URLs and objects, or a function or an async iterable that gives such lists';

/** How the option `origins` is read: one by one they are read when all limits are known. */
export const originsRule: Rule<OriginsOption | undefined> = optional(
  matching(
    ACCEPTED,
    (value): value is OriginsOption => Array.isArray(value) || typeof value === 'function' || isAsyncIterable(value),
  ),
);

function isAsyncIterable(value: unknown): value is AsyncIterable<OriginSet> {
  return isObject(value) && Symbol.asyncIterator in value;
}

/** Throws unless exactly one of the two says where the origins are. */
export function refuseOtherThanOne(origins: unknown, dns: unknown): void {
  if (origins === undefined && dns === undefined) throw refusal('origins', ACCEPTED, origins, false);
  if (origins !== undefined && dns !== undefined) {
    throw new TypeError('dns must be left out where there are origins, for it finds all of them');
  }
}
