/** Options that decide when an origin gets requests: as the owner writes them, and as the library uses them. */

import {
  count,
  duration,
  integer,
  isObject,
  matching,
  multiple,
  numberBetween,
  oneOf,
  orFalse,
  pause,
  textLike,
} from './checks.js';
import {
  type Complete,
  mapped,
  optional,
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

/** The response to a health check, as passed to `expect`. */
export interface CheckAnswer {
  /** Status of the final response: 200 to 999. */
  readonly statusCode: number;
  /** Flat list: name, value, name, value… */
  readonly rawHeaders: readonly string[];
  /** The first 64 KiB of the body, decoded as UTF-8. */
  readonly body: string;
}

/**
 * Active health checking: every origin is checked regularly, each time over a new connection. An origin whose checks
 * fail gets no requests until they pass again.
 */
export interface CheckOptions {
  /**
   * What a check does: send a request (`'http'`), open a TCP connection (`'tcp'`), or do a TLS handshake (`'tls'`,
   * `https:` origins only).
   *
   * @default 'http'
   */
  readonly type?: 'http' | 'tcp' | 'tls' | undefined;
  /** Method of the request. @default 'GET' */
  readonly method?: string | undefined;
  /** Path and query of the request. @default '/' */
  readonly path?: string | undefined;
  /** Host field of the request. @default the origin's host */
  readonly host?: string | undefined;
  /**
   * Which responses pass: a status, a range such as `'200-299'`, or a function that returns `true`. The check fails if
   * the function throws or returns anything else, including a promise.
   *
   * @default '200-399'
   */
  readonly expect?: number | string | ((answer: CheckAnswer) => boolean) | undefined;
  /** Milliseconds between two checks, varied at random by up to a tenth. @default 5000 */
  readonly interval?: number | undefined;
  /** Milliseconds for one check, including dial and response. @default 2000 */
  readonly timeout?: number | undefined;
  /** Number of passed checks in a row that bring an origin up: an integer from 1 to 1000. @default 2 */
  readonly rise?: number | undefined;
  /** Number of failed checks in a row that take an origin down: an integer from 1 to 1000. @default 3 */
  readonly fall?: number | undefined;
  /**
   * Milliseconds between two checks once a check has disagreed with the origin's state; at most `interval`.
   *
   * @default 1000, or `interval` if that is less
   */
  readonly fastInterval?: number | undefined;
}

/** The first and the last status that pass. */
export interface StatusRange {
  readonly from: number;
  readonly to: number;
}

export interface ResolvedCheck extends Complete<Omit<CheckOptions, 'host' | 'expect'>> {
  readonly host: string | undefined;
  readonly expect: StatusRange | ((answer: CheckAnswer) => boolean);
}

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

export type ResolvedAdaptiveConcurrency = Complete<AdaptiveConcurrencyOptions>;

export type ResolvedOutliers = Complete<OutlierOptions>;

export interface ResolvedEjection extends Complete<Omit<EjectionOptions, 'outliers'>> {
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
  statuses: mapped(withDefault(statuses, []), (values) => Object.freeze([...new Set(values)])),
  outliers: sectionOrFalse(outlierRules),
};

/** How the option `ejection` is read. */
export const ejectionRule: Rule<ResolvedEjection> = (name, value) => {
  if (value === false) throw refusal(name, 'an object', value, false, '; to turn it off use { failures: Infinity }');
  const ejection = resolveSection(name, value === undefined ? {} : value, ejectionRules);
  if (ejection.maxTime >= ejection.time) return ejection;
  throw refusal(`${name}.maxTime`, `at least ${name}.time (${ejection.time})`, ejection.maxTime, true);
};

interface CheckSection extends Omit<ResolvedCheck, 'expect' | 'fastInterval'> {
  readonly expect: StatusRange | ((answer: CheckAnswer) => boolean);
  readonly fastInterval: number | undefined;
}

const inARow = integer(1, 1000);

const ONE_STATUS = /^[1-9]\d\d$/;
const STATUS_RANGE = /^([1-9]\d\d)-([1-9]\d\d)$/;

/** Reads which responses pass. */
const expectRule: Rule<ResolvedCheck['expect']> = (name, value = '200-399') => {
  if (typeof value === 'function') return value as (answer: CheckAnswer) => boolean; // its results are checked at each call
  const text = typeof value === 'number' || typeof value === 'string' ? String(value) : '';
  const [, from = text, to = text] = STATUS_RANGE.exec(text) ?? [];
  if (ONE_STATUS.test(from) && ONE_STATUS.test(to) && from <= to)
    return Object.freeze({ from: Number(from), to: Number(to) });
  throw refusal(name, "a status, a range such as '200-299', or a function", value, typeof value === 'number');
};

const checkRules: Rules<CheckSection> = {
  type: withDefault(oneOf('http', 'tcp', 'tls'), 'http'),
  method: withDefault(textLike('a method other than CONNECT', /^(?!CONNECT$)[!#$%&'*+.^_`|~0-9A-Za-z-]+$/), 'GET'),
  path: withDefault(textLike('a path that begins with / and has no spaces', /^\/[\x21\x22\x24-\x7e\x80-\xff]*$/), '/'),
  host: optional(textLike('a host, with or without a port', /^[\w.~:[\]-]+$/)),
  expect: expectRule,
  interval: withDefault(pause, 5000),
  timeout: withDefault(pause, 2000),
  rise: withDefault(inARow, 2),
  fall: withDefault(inARow, 3),
  fastInterval: optional(pause),
};

const OF_REQUESTS = ['method', 'path', 'host', 'expect'] as const;

/** How the option `check` is read. */
export const checkRule: Rule<ResolvedCheck | false> = (name, value) => {
  const section = sectionOrFalse(checkRules)(name, value);
  if (section === false) return false;
  const { type, interval, fastInterval = Math.min(1000, interval) } = section;
  if (fastInterval > interval) {
    throw refusal(`${name}.fastInterval`, `at most ${name}.interval (${interval})`, fastInterval, true);
  }
  const inVain = OF_REQUESTS.find(
    (option) => type !== 'http' && isObject(value) && Reflect.get(value, option) !== undefined,
  );
  if (inVain !== undefined) {
    throw new TypeError(`${name}.${inVain} requires type 'http', got type '${type}'`);
  }
  return Object.freeze({ ...section, fastInterval });
};

/** How the option `adaptiveConcurrency` is read. */
export const adaptiveConcurrencyRule: Rule<ResolvedAdaptiveConcurrency | false> = sectionOrFalse({
  min: withDefault(integer(1, 65_535), 4),
  tolerance: withDefault(numberBetween(1, 100), 1.5),
  window: withDefault(pause, 1000),
});

/** How the option `slowStart` is read. */
export const slowStartRule: Rule<number | false> = withDefault(orFalse(pause), false);

/** Throws if one of these origins cannot be checked in this way. */
export function refuseCheckOf(check: ResolvedCheck | false, origins: readonly { readonly origin: string }[]): void {
  if (check === false || check.type !== 'tls') return;
  const plain = origins.find(({ origin }) => origin.startsWith('http:'));
  if (plain !== undefined)
    throw refusal('check.type', `'http' or 'tcp' for ${plain.origin}, which has no TLS`, 'tls', false);
}
