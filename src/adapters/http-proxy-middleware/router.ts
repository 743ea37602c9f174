/** Chooses one of several targets for a request. */

import type { IncomingMessage } from 'node:http';

/** The value of the first key that matches: a host, a path prefix, or both together. */
export function routed<T>(table: ReadonlyMap<string, T>, { headers, url = '/' }: IncomingMessage): T | undefined {
  const { host = '' } = headers;
  for (const [key, value] of table) {
    const slash = key.indexOf('/');
    const [keyHost, keyPath] = slash < 0 ? [key, ''] : [key.slice(0, slash), key.slice(slash)];
    if ((keyHost === '' || keyHost === host) && url.startsWith(keyPath)) return value;
  }
  return undefined;
}
