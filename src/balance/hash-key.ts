/** What a request is hashed by. */

import type { RequestFacts } from './balancer.js';

/**
 * The key by which requests are hashed.
 * - `'path'`: the path without the query.
 * - `{ cookie }` or `{ header }`: the value of that cookie or field.
 * - a function: the string it returns; `undefined` or `''` means no key.
 */
export type HashKey =
  | 'path'
  | {
      /** Name of the cookie; case-sensitive. */
      readonly cookie: string;
    }
  | {
      /** Name of the field, in any case. */
      readonly header: string;
    }
  | ((request: RequestFacts) => string | undefined);

/** Reads the key of a request; `undefined` = it has none. */
export function keyReader(key: HashKey): (request: RequestFacts) => string | undefined {
  if (typeof key === 'function') return key;
  if (key === 'path') return ({ path }) => path.split('?', 1)[0];
  if ('header' in key) return ({ fields }) => fieldOf(fields, key.header.toLowerCase(), () => true);
  const prefix = `${key.cookie}=`;
  return ({ fields }) => {
    const line = fieldOf(fields, 'cookie', (value) => cookieIn(value, prefix) !== undefined);
    return line === undefined ? undefined : cookieIn(line, prefix);
  };
}

function fieldOf(fields: readonly string[], name: string, suits: (value: string) => boolean): string | undefined {
  for (let index = 0; index < fields.length; index += 2) {
    const value = fields[index + 1] ?? '';
    if (fields[index]?.toLowerCase() === name && suits(value)) return value;
  }
  return undefined;
}

/** RFC 6265 §4.2.1: pairs, separated by a semicolon and a space. */
function cookieIn(line: string, prefix: string): string | undefined {
  const pair = line.split(';').find((one) => one.trimStart().startsWith(prefix));
  return pair?.trimStart().slice(prefix.length).trimEnd();
}
