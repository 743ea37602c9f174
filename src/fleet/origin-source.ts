/** Where the sets of origins of a backend come from, by its options. */

import type { OriginSet, PooledBackendOptions, ResolvedOptions } from '../options.js';
import { dnsSource } from './dns-source.js';

/** A set, and for how long it is known to hold: milliseconds, `undefined` if unknown. */
export interface Found {
  readonly set: OriginSet;
  readonly keepMs: number | undefined;
}

/** A source that is asked again and again. */
export interface AskedSource {
  readonly kind: 'dns' | 'function';
  /** Milliseconds between two looks, at most. */
  readonly intervalMs: number;
  look(signal: AbortSignal): Promise<Found>;
}

/** A source that says by itself when there is another set. */
export interface TellingSource {
  readonly kind: 'iterable';
  readonly sets: AsyncIterable<OriginSet>;
}

export type OriginSource = AskedSource | TellingSource;

/** `undefined` = the origins are given in the options. */
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
