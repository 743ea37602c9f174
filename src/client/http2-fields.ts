/** Fields in the form that node:http2 accepts, which is narrower than HTTP/2. */

import { fieldsByName, type RawFields } from '../http1/fields.js';

/**
 * node:http2 throws for a second value of these fields, even for an equal one; for trailers it does so when nobody is there to catch it.
 * Some origins do send some of them twice: the app, and a layer in front of it.
 */
const SINGLE: ReadonlySet<string> = new Set([
  'access-control-allow-credentials',
  'access-control-max-age',
  'access-control-request-method',
  'age',
  'authorization',
  'content-encoding',
  'content-language',
  'content-location',
  'content-md5',
  'content-range',
  'content-type',
  'date',
  'dnt',
  'etag',
  'expires',
  'from',
  'host',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'last-modified',
  'location',
  'max-forwards',
  'range',
  'referer',
  'retry-after',
  'tk',
  'upgrade-insecure-requests',
  'user-agent',
  'x-content-type-options',
]);

/** The values of one field. If only one is allowed, equal values become one, and different values become a list (RFC 9110 §5.3). */
export function http2Values(name: string, values: string | string[]): string | string[] {
  if (typeof values === 'string' || !SINGLE.has(name.toLowerCase())) return values;
  return [...new Set(values)].join(', ');
}

/** Fields as an object, for interim responses and trailers. */
export function http2Fields(fields: RawFields): Record<string, string | string[]> {
  const byName = fieldsByName(fields, lowerCase);
  for (const [name, values] of Object.entries(byName)) byName[name] = http2Values(name, values);
  return byName;
}

function lowerCase(name: string): string {
  return name.toLowerCase();
}
