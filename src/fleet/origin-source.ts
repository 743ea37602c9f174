/** A source of the sets of origins of a backend: it is asked again and again, or says by itself when there is another set. */

import type { OriginSet } from '../options.js';

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
