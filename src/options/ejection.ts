/** The option `ejection`: when an origin gets no requests because requests to it fail. */

import { count, duration, integer, matching, multiple, numberBetween, orFalse } from './checks.js';
import {
  type Complete,
  distinct,
  type Rule,
  type Rules,
  refusal,
  resolveSection,
  sectionOrFalse,
  withDefault,
} from './rules.js';

/**
 * Passive health checking: an origin that fails several requests in a row gets none for a while. After that one
 * request, or dial, is its probe; if it fails, the origin is ejected for twice as long.
 */
export interface EjectionOptions {
  /** Number of failures in a row that eject an origin: an integer from 1, or `Infinity` for never. @default 5 */
  readonly failures?: number | undefined;
  /**
   * Length of the first ejection in milliseconds, or `Infinity`. Each further one lasts twice as long.
   *
   * @default 1000
   */
  readonly time?: number | undefined;
  /** Length of the longest ejection in milliseconds: at least `time`, or `Infinity`. @default 60000 */
  readonly maxTime?: number | undefined;
  /**
   * Largest share of the origins that may be ejected at once: a number from 0 to 1. If more are, all origins are tried.
   *
   * @default 0.5
   */
  readonly maxEjected?: number | undefined;
  /**
   * Response statuses that count as failures: integers from 500 to 599. Without them only missing and broken responses
   * count.
   *
   * @default []
   */
  readonly statuses?: readonly number[] | undefined;
  /**
   * Also ejects an origin that fails much more often, or is much slower, than the others; `false` turns it off.
   *
   * @default false
   */
  readonly outliers?: OutlierOptions | false | undefined;
}

/**
 * Compares the success rate, and optionally the latency, of each origin with that of the others over a window of time.
 */
export interface OutlierOptions {
  /** Length of the window in milliseconds, or `Infinity`. @default 10000 */
  readonly window?: number | undefined;
  /**
   * Minimum number of requests to an origin within the window for it to be judged: an integer from 1, or `Infinity`.
   *
   * @default 100
   */
  readonly requests?: number | undefined;
  /** Minimum number of origins with that many requests: an integer from 3, or `Infinity`. @default 5 */
  readonly origins?: number | undefined;
  /**
   * An origin is ejected if its success rate is more than this many standard deviations below the mean: 0 to 100.
   *
   * @default 1.9
   */
  readonly deviations?: number | undefined;
  /** Minimum distance of its success rate below the mean: a number from 0 to 1. @default 0.05 */
  readonly margin?: number | undefined;
  /**
   * Also ejects an origin that takes more than this many times as long as the median of the others, by the mean time to
   * the final response head: a number from 1, or `Infinity`. `false` ignores latency.
   *
   * @default false
   */
  readonly slowness?: number | false | undefined;
}

/** The option `ejection.outliers` with every default filled in. */
export type ResolvedOutliers = Complete<OutlierOptions>;

/** The option `ejection` with every default filled in. */
export interface ResolvedEjection extends Complete<Omit<EjectionOptions, 'outliers'>> {
  /** Comparison of the origins; `false` is off. */
  readonly outliers: ResolvedOutliers | false;
}

const outlierRules: Rules<ResolvedOutliers> = {
  window: withDefault(duration, 10_000),
  requests: withDefault(count(1), 100),
  // At least 3: of two origins, both are equally far from their mean.
  origins: withDefault(count(3), 5),
  deviations: withDefault(numberBetween(0, 100), 1.9),
  margin: withDefault(numberBetween(0, 1), 0.05),
  slowness: withDefault(orFalse(multiple), false),
};

const status = integer(500, 599);
const statuses = matching(
  'a list of integers from 500 to 599',
  (value): value is readonly number[] => Array.isArray(value) && value.every((one) => status.admits(one)),
);

const ejectionRules: Rules<ResolvedEjection> = {
  failures: withDefault(count(1), 5),
  time: withDefault(duration, 1000),
  maxTime: withDefault(duration, 60_000),
  maxEjected: withDefault(numberBetween(0, 1), 0.5),
  statuses: distinct(statuses),
  outliers: sectionOrFalse(outlierRules),
};

/** How the option `ejection` is read. */
export const ejectionRule: Rule<ResolvedEjection> = (name, value) => {
  if (value === false) throw refusal(name, 'an object', value, false, '; to turn it off use { failures: Infinity }');
  const ejection = resolveSection(name, value === undefined ? {} : value, ejectionRules);
  if (ejection.maxTime >= ejection.time) return ejection;
  throw refusal(`${name}.maxTime`, `at least ${name}.time (${ejection.time})`, ejection.maxTime, true);
};
