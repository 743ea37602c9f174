/** Reads the fields passed to `backend.request()`. */

import { checkField, endToEndFields, fieldValue, listHasToken, withoutForbiddenTrailers } from '../http1/fields.js';
import { isObject } from '../options/checks.js';
import { badRequest, refused } from './bad-request.js';

/** Value of one field. A list sends the field once for each value; `undefined` does not send it. */
export type FieldValue = string | number | readonly (string | number)[] | undefined;

/**
 * Fields of a request: an object, an iterable of pairs (array, `Map`, `Headers`), or a flat array of name, value, name,
 * value…
 */
export type RequestFieldsInit =
  | Readonly<Record<string, FieldValue>>
  | readonly string[]
  | Iterable<readonly [string, FieldValue]>;

/** The fields as they are sent, and the values of those that are not sent as they are. */
export interface RequestFields {
  readonly fields: string[];
  readonly host: string | undefined;
  readonly contentLength: number | undefined;
  readonly acceptsTrailers: boolean;
}

/**
 * Reads the fields of a call. Hop-by-hop fields are not sent, because connections are not the caller's.
 * @throws BackendError `http_request_error` for what is not a field, and for Expect, which has no meaning here
 */
export function readRequestFields(given: RequestFieldsInit | undefined): RequestFields {
  if (given === undefined) return { fields: [], host: undefined, contentLength: undefined, acceptsTrailers: false };
  const all = flat('headers', given);
  if (fieldValue(all, 'expect') !== undefined) throw badRequest('the field Expect is not supported by request()');
  const te = fieldValue(all, 'te');
  const kept: string[] = [];
  const special: { host?: string; 'content-length'?: string } = {};
  const stripped = endToEndFields(all);
  for (let i = 0; i < stripped.length; i += 2) {
    const lowerName = (stripped[i] ?? '').toLowerCase();
    const value = stripped[i + 1] ?? '';
    if (lowerName === 'host' || lowerName === 'content-length') {
      if (special[lowerName] !== undefined) throw badRequest(`${lowerName} is given twice`);
      special[lowerName] = value;
    } else kept.push(stripped[i] ?? '', value);
  }
  return {
    fields: kept,
    host: special.host,
    contentLength: readLength(special['content-length']),
    acceptsTrailers: te !== undefined && listHasToken(te, 'trailers'),
  };
}

/**
 * Reads the trailers of a call, without those that must not be trailers (RFC 9110 §6.5.1).
 * @throws BackendError `http_request_error` for what is not a field
 */
export function readTrailers(given: RequestFieldsInit): readonly string[] {
  return withoutForbiddenTrailers(flat('trailers', given));
}

function flat(option: string, given: RequestFieldsInit): string[] {
  if (!isObject(given)) throw refused(`${option} must be an object, pairs, or a flat array of strings`, given);
  const fields: string[] = [];
  if (isFlat(given)) {
    if (given.length % 2 !== 0)
      throw badRequest(`a flat array of ${option} must have an even length: name, value, name, value…`);
    for (const [index, item] of given.entries()) if (index % 2 === 0) add(fields, item, given[index + 1]);
  } else if (isIterable(given)) {
    for (const pair of given) {
      if (!isObject(pair) || !isIterable(pair)) throw refused(`${option} that are iterable must give pairs`, pair);
      const [name, value] = pair;
      add(fields, name, value);
    }
  } else {
    for (const [name, value] of Object.entries(given)) add(fields, name, value);
  }
  return fields;
}

function isFlat(given: RequestFieldsInit): given is readonly string[] {
  return Array.isArray(given) && typeof given[0] === 'string';
}

function isIterable(given: object): given is Iterable<readonly [string, FieldValue]> {
  return Symbol.iterator in given;
}

function add(fields: string[], name: unknown, value: unknown): void {
  if (value === undefined) return;
  if (Array.isArray(value)) {
    for (const one of value) add(fields, name, one);
    return;
  }
  if (typeof name !== 'string') throw badRequest(`a field name must be a string, got a value of type ${typeof name}`);
  if (typeof value !== 'string' && typeof value !== 'number') {
    throw badRequest(
      `the value of ${JSON.stringify(name)} must be a string or a number, got ${value === null ? 'null' : `a value of type ${typeof value}`}`,
    );
  }
  const text = String(value);
  checkField(name, text);
  fields.push(name, text);
}

function readLength(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^[0-9]{1,15}$/.test(text))
    throw badRequest(`Content-Length must be a decimal number, got ${JSON.stringify(text)}`);
  return Number(text);
}
