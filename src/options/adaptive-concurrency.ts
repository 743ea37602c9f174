/** The option `adaptiveConcurrency`: how many requests an origin may have at once. */

import { integer, numberBetween, pause } from './checks.js';
import { type Complete, type Rule, sectionOrFalse, withDefault } from './rules.js';

/**
 * Limits the number of concurrent requests to an origin by its response times: an origin that becomes slower than usual
 * gets fewer.
 */
export interface AdaptiveConcurrencyOptions {
  /** Number of concurrent requests an origin may always have: an integer from 1 to 65535. @default 4 */
  readonly min?: number | undefined;
  /**
   * How many times as long as usual an origin may take to answer before its limit is reduced: a number from 1 to 100.
   *
   * @default 1.5
   */
  readonly tolerance?: number | undefined;
  /** Milliseconds between two adjustments of the limit. @default 1000 */
  readonly window?: number | undefined;
}

/** The option `adaptiveConcurrency` with every default filled in. */
export type ResolvedAdaptiveConcurrency = Complete<AdaptiveConcurrencyOptions>;

/** How the option `adaptiveConcurrency` is read. */
export const adaptiveConcurrencyRule: Rule<ResolvedAdaptiveConcurrency | false> = sectionOrFalse({
  min: withDefault(integer(1, 65_535), 4),
  tolerance: withDefault(numberBetween(1, 100), 1.5),
  window: withDefault(pause, 1000),
});
