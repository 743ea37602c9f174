/** Where sets of origins come from, as a backend was told. */

import type { OriginSet, PooledBackendOptions, ResolvedOptions } from '../options.js';
import { dnsSource } from './dns-source.js';

/** A set, and for how long it is known to hold: milliseconds, `undefined` if unknown. */
export interface Found {
  readonly set: OriginSet;
  readonly keepMs: number | undefined;
}

/** Is asked again and again. */
export interface AskedSource {
  readonly kind: 'dns' | 'function';
  /** Between two looks, at most. */
  readonly intervalMs: number;
  look(signal: AbortSignal): Promise<Found>;
}

/** Says by itself when there is another set. */
export interface TellingSource {
  readonly kind: 'iterable';
  readonly sets: AsyncIterable<OriginSet>;
}

export type OriginSource = AskedSource | TellingSource;

/** `undefined` where the origins are given once and for all. */
export function originSource(
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
