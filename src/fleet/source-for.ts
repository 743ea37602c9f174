/** Which source of origins the options of a backend ask for. */

import type { PooledBackendOptions, ResolvedOptions } from '../options.js';
import { dnsSource } from './dns-source.js';
import type { OriginSource } from './origin-source.js';

/** `undefined` = the origins are given in the options. */
export function sourceFor(
  { origins }: Pick<PooledBackendOptions, 'origins'>,
  { dns, originsInterval }: ResolvedOptions,
): OriginSource | undefined {
  if (dns !== undefined) return dnsSource(dns);
  if (typeof origins === 'function') {
    const look = async (signal: AbortSignal) => ({ set: await origins({ signal }), keepMs: undefined });
    return { kind: 'function', intervalMs: originsInterval, look };
  }
  return origins !== undefined && Symbol.asyncIterator in origins ? { kind: 'iterable', sets: origins } : undefined;
}
