/** Which of several targets a request goes to. */

import type { IncomingMessage } from 'node:http';

/** The value of the first key that fits: a host, the beginning of a path, or both in one. */
export function routed<T>(table: ReadonlyMap<string, T>, { headers, url = '/' }: IncomingMessage): T | undefined {
  const { host = '' } = headers;
  for (const [key, value] of table) {
    const slash = key.indexOf('/');
    const [keyHost, keyPath] = slash < 0 ? [key, ''] : [key.slice(0, slash), key.slice(slash)];
    if ((keyHost === '' || keyHost === host) && url.startsWith(keyPath)) return value;
  }
  return undefined;
}
