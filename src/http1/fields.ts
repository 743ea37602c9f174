/**
 * Fields as a flat list: name, value, name, value… in the order, the case and the bytes (latin1) of the wire. node:http calls this
 * `rawHeaders`.
 */

import { BackendError } from '../errors.js';
import { isToken } from './method.js';
import { shown } from './shown.js';

/** Name, value, name, value… */
export type RawFields = readonly string[];

/** Fields that are always for one connection only (RFC 9110 §7.6.1), and those of proxy authentication, which ends with us. */
const HOP_BY_HOP = [
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
] as const;

/**
 * Fields that a recipient must not learn only after the body: framing, routing, request modifiers, authentication, response control and how
 * to read the content (RFC 9110 §6.5.1).
 */
const FORBIDDEN_TRAILERS: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP,
  'age',
  'authorization',
  'cache-control',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'cookie',
  'date',
  'expect',
  'expires',
  'forwarded',
  'host',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'location',
  'max-forwards',
  'pragma',
  'range',
  'retry-after',
  'set-cookie',
  'trailer',
  'vary',
  'via',
  'warning',
  'www-authenticate',
]);

// What a field value may not have: anything but HTAB, SP, VCHAR and obs-text (RFC 9110 §5.5). A character above latin1 has no byte.
const BAD_VALUE = /[^\t\x20-\x7e\x80-\xff]/;

/** The first value of a field. `lowerName` is in lower case. */
export function fieldValue(fields: RawFields, lowerName: string): string | undefined {
  for (let i = 0; i < fields.length; i += 2) {
    if (isNamed(fields[i], lowerName)) return fields[i + 1];
  }
  return undefined;
}

/** Every value of a field, in order. `lowerName` is in lower case. */
export function fieldValues(fields: RawFields, lowerName: string): string[] {
  const values: string[] = [];
  for (let i = 0; i < fields.length; i += 2) {
    const value = fields[i + 1];
    if (value !== undefined && isNamed(fields[i], lowerName)) values.push(value);
  }
  return values;
}

/** The values of a field joined by commas; `undefined` if there is none. `lowerName` is in lower case. */
export function joinedValue(fields: RawFields, lowerName: string): string | undefined {
  let joined: string | undefined;
  for (let i = 0; i < fields.length; i += 2) {
    if (!isNamed(fields[i], lowerName)) continue;
    const value = fields[i + 1] ?? '';
    joined = joined === undefined ? value : `${joined},${value}`;
  }
  return joined;
}

/** Whether a comma-separated list has a token, in any case. Only SP and HTAB may surround it (RFC 9110 §5.6.1). */
export function listHasToken(value: string, lowerToken: string): boolean {
  if (!value.includes(',')) return isNamed(trimmed(value), lowerToken);
  return value.split(',').some((member) => isNamed(trimmed(member), lowerToken));
}

/**
 * The fields that a proxy passes on: all but the hop-by-hop ones. These are a fixed set, and those that a Connection field names (RFC 9110
 * §7.6.1). Content-Length and Host are left to the caller; Trailer is end-to-end. `room`: so many names and values the caller will add.
 */
export function endToEndFields(fields: RawFields, room = 0): string[] {
  // Made in the length that is needed: an array that grows becomes half as large again.
  const kept = new Array<string>(fields.length + room);
  let count = 0;
  let named: Set<string> | undefined;
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i];
    const value = fields[i + 1];
    if (name === undefined || value === undefined) continue;
    if (!isHopByHop(name)) {
      kept[count] = name;
      kept[count + 1] = value;
      count += 2;
    } else if (name.length === 10) named = namedBeside(named, name, value);
  }
  kept.length = count;
  return named === undefined ? kept : withoutNamed(kept, named);
}

// A function of its own: the variables that a closure captures are allocated with every call of the function around it.
function withoutNamed(fields: RawFields, named: ReadonlySet<string>): string[] {
  return without(fields, (lowerName) => named.has(lowerName));
}

function isHopByHop(name: string): boolean {
  switch (name.length) {
    case 2:
      return isNamed(name, 'te');
    case 7:
      return isNamed(name, 'upgrade');
    case 10:
      return isNamed(name, 'connection') || isNamed(name, 'keep-alive');
    case 14:
      return isNamed(name, 'http2-settings');
    case 16:
      return isNamed(name, 'proxy-connection');
    case 17:
      return isNamed(name, 'transfer-encoding');
    case 18:
      return isNamed(name, 'proxy-authenticate');
    case 19:
      return isNamed(name, 'proxy-authorization');
    case 25:
      return isNamed(name, 'proxy-authentication-info');
    default:
      return false;
  }
}

/** The names in a Connection field, without those that are dropped anyway. */
function namedBeside(named: Set<string> | undefined, field: string, value: string): Set<string> | undefined {
  if (!isNamed(field, 'connection') || isHopByHop(value)) return named;
  const all = named ?? new Set();
  for (const member of value.split(',')) all.add(trimmed(member).toLowerCase());
  return all;
}

/** All fields except those of one name. `lowerName` is in lower case. */
export function withoutField(fields: RawFields, lowerName: string): string[] {
  return without(fields, (name) => name === lowerName);
}

/**
 * The trailers that may be passed on (RFC 9110 §6.5.1). Servers that pass fields on as variables (CGI, WSGI, Rack, PHP) write `_` for `-`, so
 * a name is judged as if it were written with `-`.
 */
export function withoutForbiddenTrailers(fields: RawFields): string[] {
  return without(fields, (lowerName) => {
    const plain = lowerName.replaceAll('_', '-');
    return FORBIDDEN_TRAILERS.has(plain) || plain.startsWith('x-forwarded-');
  });
}

/**
 * The lines of fields in a head or a trailer section.
 * @throws BackendError `http_request_error` for one that cannot be written as it is, see {@link checkField}
 */
export function fieldLines(fields: RawFields): string {
  let lines = '';
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] ?? '';
    const value = fields[i + 1] ?? '';
    checkField(name, value);
    lines += `${name}: ${value}\r\n`;
  }
  return lines;
}

/** Whether `text` can be written as the value of a field. */
export function isFieldValue(text: string): boolean {
  return !BAD_VALUE.test(text);
}

/**
 * Refuses a field that cannot be written as it is.
 * @throws BackendError `http_request_error` when the name is no token, or the value has CR, LF, NUL, another control
 *   character but HTAB, or a character above latin1.
 */
export function checkField(name: string, value: string): void {
  if (!isToken(name)) {
    throw new BackendError('http_request_error', `the field name ${shown(name)} is not a token`);
  }
  if (!isFieldValue(value)) {
    throw new BackendError(
      'http_request_error',
      `the value of ${name} has a character that no field may have: ${shown(value)}`,
    );
  }
}

function without(fields: RawFields, drops: (lowerName: string) => boolean): string[] {
  const kept: string[] = [];
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i];
    const value = fields[i + 1];
    if (name !== undefined && value !== undefined && !drops(name.toLowerCase())) kept.push(name, value);
  }
  return kept;
}

/**
 * Whether a name or a token is `lowerName` (ASCII in lower case), in any case. They are compared letter by letter: nearly all names differ
 * in length or in their first letter, and no lower-case copy is made. Of 8 fields the hop-by-hop ones are found in 0.20 µs instead of 0.63
 * (bench/micro).
 */
export function isNamed(name: string | undefined, lowerName: string): boolean {
  if (name?.length !== lowerName.length) return false;
  for (let i = 0; i < lowerName.length; i += 1) {
    const code = name.charCodeAt(i);
    const isCapital = code >= 0x41 && code <= 0x5a;
    if ((isCapital ? code + 0x20 : code) !== lowerName.charCodeAt(i)) return false;
  }
  return true;
}

/** The text without the blanks around it. String.trim() would also remove NBSP, which is a byte like any other in a field. */
export function trimmed(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

/** True for SP and HTAB, the blanks of RFC 9110 §5.6.3. */
export function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/** Fields as an object, with a list for a name that comes more than once. It has no prototype, so that every name is a plain key. */
export function fieldsByName(fields: readonly string[], keyOf = asItIs): Record<string, string | string[]> {
  const byName: Record<string, string | string[]> = Object.create(null);
  for (let i = 0; i < fields.length; i += 2) {
    const key = keyOf(fields[i] ?? '');
    const value = fields[i + 1] ?? '';
    const before = byName[key];
    if (before === undefined) byName[key] = value;
    else if (typeof before === 'string') byName[key] = [before, value];
    else before.push(value);
  }
  return byName;
}

function asItIs(name: string): string {
  return name;
}
