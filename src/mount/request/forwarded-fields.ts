/** Fields that tell the origin who the client is: X-Forwarded-*, or Forwarded (RFC 7239). */

import type { ClientFacts } from './client-facts.js';

/** What the proxies before us said, when they are trusted. Values of one name are joined by commas. */
export interface EarlierHops {
  forwarded?: string;
  'x-forwarded-for'?: string;
  'x-forwarded-proto'?: string;
  'x-forwarded-host'?: string;
  'x-forwarded-port'?: string;
}

const NAMES: ReadonlySet<string> = new Set<keyof EarlierHops>([
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-host',
  'x-forwarded-port',
]);

/** Whether a field is one that only a trusted proxy may set. */
export function isForwardingField(lowerName: string): boolean {
  return lowerName === 'forwarded' || lowerName.startsWith('x-forwarded-');
}

/** Whether a field is one of those that we extend. */
export function isEarlierHop(lowerName: string): lowerName is keyof EarlierHops {
  return NAMES.has(lowerName);
}

/** Adds the fields to send, as name, value, name, value…, to those in `fields`. */
export function forwardingFields(
  style: 'x-forwarded' | 'rfc7239',
  client: ClientFacts,
  earlier: EarlierHops,
  fields: string[] = [],
): string[] {
  const address = plainAddress(client.address);
  if (style === 'rfc7239') {
    fields.push('Forwarded', appended(earlier.forwarded, forwardedElement(client, address)));
    for (const name of ['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'x-forwarded-port'] as const) {
      keep(fields, name, earlier[name]);
    }
    return fields;
  }
  keep(fields, 'forwarded', earlier.forwarded);
  const proto = earlier['x-forwarded-proto'] ?? client.proto;
  const host = earlier['x-forwarded-host'] ?? client.host;
  fields.push('X-Forwarded-For', appended(earlier['x-forwarded-for'], address), 'X-Forwarded-Proto', proto);
  if (host !== undefined) fields.push('X-Forwarded-Host', host);
  fields.push('X-Forwarded-Port', earlier['x-forwarded-port'] ?? portOf(firstOf(host), firstOf(proto)));
  return fields;
}

function forwardedElement(client: ClientFacts, address: string): string {
  // An IPv6 address stands in square brackets, which are no token characters and so need quotes (RFC 7239 §6).
  const node = address.includes(':') ? `"[${address}]"` : address;
  const host = client.host === undefined ? '' : `;host=${quoted(client.host)}`;
  return `for=${node}${host};proto=${client.proto}`;
}

/** An IPv4 address as IPv4: a dual-stack server sees it as `::ffff:192.0.2.1`. */
function plainAddress(address: string | undefined): string {
  if (address === undefined) return 'unknown';
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}

/** What the first of several proxies said: it is the one that the client spoke to. */
function firstOf(list: string | undefined): string | undefined {
  return list?.includes(',') ? list.split(',', 1)[0]?.trim() : list;
}

// Clients ask for the same host again and again.
let lastHost: string | undefined;
let lastPort: string | undefined;

function portOf(host: string | undefined, proto: string | undefined): string {
  if (host !== lastHost) {
    lastHost = host;
    lastPort = host === undefined ? undefined : /:([0-9]+)$/.exec(host)?.[1];
  }
  return lastPort ?? (proto === 'https' ? '443' : '80');
}

function quoted(text: string): string {
  return /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(text) ? text : `"${text.replace(/[\\"]/g, '\\$&')}"`;
}

function appended(before: string | undefined, value: string): string {
  return before === undefined || before === '' ? value : `${before}, ${value}`;
}

function keep(fields: string[], name: string, value: string | undefined): void {
  if (value !== undefined) fields.push(name, value);
}
