/** Changes of protocol (RFC 9110 §7.8): what a request offers, and what a server has chosen. */

import { endToEndFields, fieldValues, type RawFields, trimmed, withoutField } from './fields.js';
import { isToken } from './method.js';

/** The protocols that the Upgrade fields of a message name, in order and as they are written: `name` or `name/version`. */
export function namedProtocols(fields: RawFields): string[] {
  return listed(fieldValues(fields, 'upgrade').join(','));
}

/** The name of a protocol, without its version, in lower case. */
export function protocolName(protocol: string): string {
  return protocol.toLowerCase().split('/', 1)[0] ?? '';
}

/**
 * The protocols that a server has switched to, as the value of the Upgrade field; `undefined` if it names none, or one that was not
 * offered: "A server MUST NOT switch to a protocol that was not indicated by the client in the corresponding request's Upgrade header
 * field" (RFC 9110 §7.8). Names are compared in any case.
 */
export function switchedTo(answer: RawFields, offer: string): string | undefined {
  const offered = new Set(listed(offer.toLowerCase()));
  const chosen = namedProtocols(answer);
  if (chosen.length === 0 || !chosen.every((protocol) => offered.has(protocol.toLowerCase()))) return undefined;
  return chosen.join(', ');
}

/**
 * The fields of a request that offered a protocol and is now served without it. Upgrade, the field that accompanies it, and their names in
 * Connection are left out. All other fields stay as they are, even hop-by-hop ones.
 */
export function withoutUpgrade(fields: RawFields): string[] {
  const kept: string[] = [];
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] ?? '';
    const value = fields[i + 1] ?? '';
    const lowerName = name.toLowerCase();
    if (OF_THE_OFFER.has(lowerName)) continue;
    const left = lowerName === 'connection' ? withoutNames(value) : value;
    if (left !== '' || value === '') kept.push(name, left);
  }
  return kept;
}

/** The end-to-end fields of a 101, which has neither a length nor trailers (RFC 9110 §8.6). */
export function switchingFields(fields: RawFields): string[] {
  return withoutField(withoutField(endToEndFields(fields), 'content-length'), 'trailer');
}

// HTTP2-Settings accompanies only an offer of h2c (RFC 7540 §3.2.1).
const OF_THE_OFFER: ReadonlySet<string> = new Set(['upgrade', 'http2-settings']);

function withoutNames(connection: string): string {
  const names = connection.split(',').map(trimmed);
  return names.filter((name) => !OF_THE_OFFER.has(name.toLowerCase())).join(', ');
}

function listed(value: string): string[] {
  return value.split(',').map(trimmed).filter(isProtocol);
}

function isProtocol(text: string): boolean {
  const parts = text.split('/');
  return parts.length <= 2 && parts.every(isToken);
}
