/** Options for origins that are found at run time: as the owner writes them, and as the library uses them. */

import { Resolver } from 'node:dns';
import { isIP } from 'node:net';
import { integer, isObject, matching, oneOf, pause, text } from './checks.js';
import { MOST_CONNECTIONS } from './connections.js';
import { type OriginOptions, resolveHost } from './origins.js';
import { mapped, optional, optionalSection, type Rule, type Rules, refusal, required, withDefault } from './rules.js';

/** A complete list of origins: URLs or {@link OriginOptions}. */
export type OriginSet = readonly (string | URL | OriginOptions)[];

/** Argument of a function given as `origins`. */
export interface OriginsCall {
  /** Aborted when the backend is closed, or when the call has taken 30 seconds and therefore counts as failed. */
  readonly signal: AbortSignal;
}

/** A function given as the option `origins`: returns the current list. Called every `originsInterval`. */
export type FindOrigins = (call: OriginsCall) => OriginSet | PromiseLike<OriginSet>;

/** The option `origins`: a list, or a function or an async iterable that supplies lists at run time. */
export type OriginsOption = OriginSet | FindOrigins | AsyncIterable<OriginSet>;

/** A DNS name that is looked up repeatedly to find the origins. */
export interface DnsOptions {
  /**
   * A fully qualified domain name; search domains are not tried. For SRV records including service and protocol, if
   * they have any: `'_http._tcp.web.example'`.
   */
  readonly name: string;
  /**
   * Record type: `'A'` or `'AAAA'` for addresses, `'SRV'` for hosts with port, weight and priority (RFC 2782).
   *
   * @default 'A'
   */
  readonly type?: 'A' | 'AAAA' | 'SRV' | undefined;
  /**
   * Port of the origins: an integer from 1 to 65535. Not allowed with `type: 'SRV'`, whose records contain ports.
   *
   * @default that of the protocol
   */
  readonly port?: number | undefined;
  /** Protocol of the origins. @default 'http:' */
  readonly protocol?: 'http:' | 'https:' | undefined;
  /** Name of the origins in the Host field and in TLS, as `host` in {@link OriginOptions}. @default the name */
  readonly host?: string | undefined;
  /**
   * Maximum number of milliseconds between two lookups. Addresses are looked up again as soon as their time to live is
   * over, but at most once a second.
   *
   * @default 30000
   */
  readonly interval?: number | undefined;
  /**
   * IP addresses of the DNS servers to ask, with or without a port: `['127.0.0.1:8600']`. The hosts in SRV records are
   * looked up there too.
   *
   * @default those of the system
   */
  readonly servers?: readonly string[] | undefined;
}

/** The option `dns` with every default filled in. */
export interface ResolvedDns {
  /** Name that is looked up. */
  readonly name: string;
  /** Type of its records. */
  readonly type: 'A' | 'AAAA' | 'SRV';
  /** Port of the origins; `undefined` if the records have it. */
  readonly port: number | undefined;
  /** Scheme of the origins. */
  readonly protocol: 'http:' | 'https:';
  /** Host name of the origins, for the Host field and TLS. */
  readonly host: string;
  /** Milliseconds between two lookups. */
  readonly interval: number;
  /** Name servers; `undefined` asks those of the system. */
  readonly servers: readonly string[] | undefined;
}

// Letters, digits, hyphens, and the underscores of services; 63 octets a label, 253 a name (RFC 1035 §2.3.4).
const NAME = /^(?=.{1,254}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*\.?$/i;

const dnsName = matching(
  'a domain name',
  (value): value is string => typeof value === 'string' && NAME.test(value) && isIP(value) === 0,
);

const serverList = matching(
  "a list of IP addresses, with or without a port, such as '127.0.0.1:8600'",
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
    const host = optional(text)(name, value);
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
    throw refusal(`${name}.port`, 'omitted for SRV, whose records contain ports', dns.port, false);
  }
  return Object.freeze({ ...dns, host: dns.host ?? hostOfName(dns.name) });
};

/** The name in certificates and Host fields: `_http._tcp.api.example.` is a service of `api.example`. */
function hostOfName(name: string): string {
  return name.replace(/\.$/, '').replace(/^_[^.]+\._[^.]+\./, '');
}

const ACCEPTED = 'a list of URLs or objects, or a function or async iterable that returns such lists';

/** How the option `origins` is read. The origins of a list are read later, when all limits are known. */
export const originsRule: Rule<OriginsOption | undefined> = optional(
  matching(
    ACCEPTED,
    (value): value is OriginsOption => Array.isArray(value) || typeof value === 'function' || isAsyncIterable(value),
  ),
);

function isAsyncIterable(value: unknown): value is AsyncIterable<OriginSet> {
  return isObject(value) && Symbol.asyncIterator in value;
}

/** Throws unless exactly one of the two options is given. */
export function refuseOtherThanOne(origins: unknown, dns: unknown): void {
  if (origins === undefined && dns === undefined) throw refusal('origins', ACCEPTED, origins, false);
  if (origins !== undefined && dns !== undefined) {
    throw new TypeError('dns cannot be combined with origins: it finds all of them');
  }
}
