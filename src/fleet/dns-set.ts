/** Makes a set of origins from DNS records. Pure: the same records give the same set, in whatever order they come. */

import { isIPv6 } from 'node:net';
import type { OriginOptions } from '../options.js';

/** An A or AAAA record. */
export interface AddressRecord {
  readonly address: string;
  /** Seconds that it may be kept. */
  readonly ttl: number;
}

/** An SRV record (RFC 2782). */
export interface ServiceRecord {
  /** The host that it points to. */
  readonly name: string;
  readonly port: number;
  /** Lower ones are to be tried first. */
  readonly priority: number;
  /** Share among those of one priority, 0 to 65535. */
  readonly weight: number;
}

/** What DNS records do not say about the origins. */
export interface SetScheme {
  readonly protocol: 'http:' | 'https:';
  /** Host field and server name in TLS. Without a port, the origin's is appended unless it is the scheme's default. */
  readonly host: string;
}

const HEAVIEST = 256;
const DEFAULT_PORTS = { 'http:': 80, 'https:': 443 };

/** One origin for each address. */
export function originsOfAddresses(
  records: readonly AddressRecord[],
  port: number | undefined,
  scheme: SetScheme,
): readonly OriginOptions[] {
  const addresses = [...new Set(records.map(({ address }) => address))].sort();
  return addresses.map((address) => originAt(isIPv6(address) ? `[${address}]` : address, port, scheme));
}

/**
 * One origin for each host and port. Those of the lowest priority serve; all others are backups, whatever their order
 * among themselves. A target of "." means that the service is decidedly not available at this domain (RFC 2782).
 */
export function originsOfServices(records: readonly ServiceRecord[], scheme: SetScheme): readonly OriginOptions[] {
  const services = distinct(records.filter(({ name }) => name !== '' && name !== '.'));
  const lowest = Math.min(...services.map(({ priority }) => priority));
  return services.map((service) => {
    const peers = services.filter(({ priority }) => priority === service.priority);
    return {
      ...originAt(withoutDot(service.name), service.port, scheme),
      weight: scaledWeight(
        service.weight,
        peers.map(({ weight }) => weight),
      ),
      backup: service.priority > lowest,
    };
  });
}

/**
 * Our weights are 0 to 256, and 0 is drained. Those of SRV are 0 to 65535: beside larger ones, 0 is "a very small chance of
 * being selected" (RFC 2782); if all are 0, the weights say nothing.
 */
export function scaledWeight(weight: number, peers: readonly number[]): number {
  const heaviest = Math.max(...peers);
  if (heaviest === 0) return 1;
  if (heaviest > HEAVIEST) return Math.max(1, Math.round((weight * HEAVIEST) / heaviest));
  // A peer with 0 gets a weight of 1. Then the others are made as heavy as possible, so that this 1 is little beside them.
  const factor = peers.includes(0) ? Math.floor(HEAVIEST / heaviest) : 1;
  return Math.max(1, weight * factor);
}

/** How long records may be kept: the shortest of them, in milliseconds. */
export function shortestTtlMs(records: readonly AddressRecord[]): number {
  return Math.min(...records.map(({ ttl }) => ttl)) * 1000;
}

function originAt(hostname: string, port: number | undefined, { protocol, host }: SetScheme): OriginOptions {
  const place = port === undefined ? '' : `:${port}`;
  const named = /:\d+$/.test(host) || port === DEFAULT_PORTS[protocol] ? host : `${host}${place}`;
  return { url: `${protocol}//${hostname}${place}`, host: named };
}

/** A host and port that is listed twice counts once: by the record that would be tried first. */
function distinct(records: readonly ServiceRecord[]): readonly ServiceRecord[] {
  const sorted = [...records].sort((a, b) => a.priority - b.priority || b.weight - a.weight);
  const byPlace = new Map<string, ServiceRecord>();
  for (const record of sorted) {
    const place = `${withoutDot(record.name).toLowerCase()}:${record.port}`;
    if (!byPlace.has(place)) byPlace.set(place, record);
  }
  return [...byPlace.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, record]) => record);
}

function withoutDot(name: string): string {
  return name.replace(/\.$/, '');
}
