/** Options of a mount that change URLs and cookies in response fields. */

import type { IncomingMessage } from 'node:http';
import { isRecord, matching } from './checks.js';

/** Returns the URL to send to the client, or `undefined` to leave it as it is. */
export type LocationHook = (url: string, req: IncomingMessage) => string | undefined;

/**
 * A new attribute value for all cookies, or an object from old value to new value with `'*'` for all others. `''`
 * removes the attribute.
 */
export type CookieRewrite = string | Readonly<Record<string, string>>;

// The av-octets of RFC 6265 §4.1.1.
const ATTRIBUTE = /^[\x20-\x3a\x3c-\x7e]*$/;

/** `true`, `false` or a function. */
export const locationChoice = matching(
  'true, false or a function',
  (value): value is boolean | LocationHook => typeof value === 'boolean' || typeof value === 'function',
);

/** `false`, a string, or an object of strings. */
export const cookieChoice = matching(
  'false, an attribute value, or an object of them by the value they replace',
  (value): value is CookieRewrite | false =>
    value === false || isAttribute(value) || (isRecord(value) && Object.values(value).every(isAttribute)),
);

/** A frozen copy. */
export function copiedRewrite(rewrite: CookieRewrite | false): CookieRewrite | false {
  return typeof rewrite === 'object' ? Object.freeze({ ...rewrite }) : rewrite;
}

/** A frozen copy whose domains are written as they are compared: without the leading dot, in lower case. */
export function domainRewrite(rewrite: CookieRewrite | false): CookieRewrite | false {
  if (typeof rewrite !== 'object') return rewrite;
  const entries = Object.entries(rewrite).map(([domain, value]) => [plainDomain(domain), value]);
  return Object.freeze(Object.fromEntries(entries));
}

/** The leading dot has no meaning: "Let cookie-domain be the attribute-value without the leading %x2E" (RFC 6265 §5.2.3). */
function plainDomain(domain: string): string {
  return domain.replace(/^\./, '').toLowerCase();
}

function isAttribute(value: unknown): value is string {
  return typeof value === 'string' && ATTRIBUTE.test(value);
}
