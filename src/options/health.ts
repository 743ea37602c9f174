/** When an origin is trusted with requests: the options, as the owner writes them and as the library knows them. */

import {
  count,
  duration,
  integer,
  isObject,
  mapped,
  matching,
  multiple,
  numberBetween,
  oneOf,
  optional,
  orFalse,
  type Rule,
  type Rules,
  refusal,
  resolveSection,
  sectionOrFalse,
  textLike,
  withDefault,
} from './checks.js';
import { pause } from './discovery.js';
import type { Complete } from './resolved.js';

/** Passive health: an origin that fails in a row gets no requests for a while. */
export interface EjectionOptions {
  /** Failures in a row that eject: an integer from 1; `Infinity` never ejects. @default 5 */
  readonly failures?: number | undefined;
  /** Length of the first ejection in milliseconds, or `Infinity`, doubled by each one that follows. @default 1000 */
  readonly time?: number | undefined;
  /** The longest ejection in milliseconds, at least `time`, or `Infinity`. @default 60000 */
  readonly maxTime?: number | undefined;
  /** Share of the origins that may be ejected at once, 0 to 1. @default 0.5 */
  readonly maxEjected?: number | undefined;
  /** Statuses of responses that are failures, beside what no response came for: integers from 500 to 599. @default [] */
  readonly statuses?: readonly number[] | undefined;
  /** Ejects an origin that fails much more often, or is much slower, than the others; `false` = none. @default false */
  readonly outliers?: OutlierOptions | false | undefined;
}

/** What makes an origin an outlier: its success rate, or its latency, over a window, beside those of the others. */
export interface OutlierOptions {
  /** Milliseconds of a window, or `Infinity`. @default 10000 */
  readonly window?: number | undefined;
  /** Requests that an origin must have answered or failed within the window: an integer from 1, or `Infinity`. @default 100 */
  readonly requests?: number | undefined;
  /** Origins with so many requests that it takes: an integer from 3, or `Infinity`. @default 5 */
  readonly origins?: number | undefined;
  /** Standard deviations below the mean that are too many, 0 to 100. @default 1.9 */
  readonly deviations?: number | undefined;
  /** How far below the mean a success rate must be at least, 0 to 1. @default 0.05 */
  readonly margin?: number | undefined;
  /**
   * How many times as long as the median of the others an origin may take to answer, from 1: the mean time to a final
   * response head. `false` = however long.
   *
   * @default false
   */
  readonly slowness?: number | false | undefined;
}

/** What a check's own `expect` is shown. */
export interface CheckAnswer {
  /** Of the final head: 200 to 999. */
  readonly statusCode: number;
  /** Fields as name, value, name, value… */
  readonly rawHeaders: readonly string[];
  /** The first 64 KiB of the body, read as UTF-8. */
  readonly body: string;
}

/** Active health: each origin is asked again and again, each time on a connection of its own. */
export interface CheckOptions {
  /** What is done: a request, a TCP connection, or a TLS handshake (`https:` origins only). @default 'http' */
  readonly type?: 'http' | 'tcp' | 'tls' | undefined;
  /** Method of the request. @default 'GET' */
  readonly method?: string | undefined;
  /** Path of the request, with its query. @default '/' */
  readonly path?: string | undefined;
  /** Host field of the request. @default the origin's host */
  readonly host?: string | undefined;
  /**
   * What the answer must be: a status, a range of them as `'200-299'`, or a function that says so. A function that throws,
   * or gives anything but true, fails the check.
   *
   * @default '200-399'
   */
  readonly expect?: number | string | ((answer: CheckAnswer) => boolean) | undefined;
  /** Milliseconds between two checks, a tenth more or less. @default 5000 */
  readonly interval?: number | undefined;
  /** Milliseconds for one check, dial and answer together. @default 2000 */
  readonly timeout?: number | undefined;
  /** Checks that pass in a row to bring an origin up: an integer from 1 to 1000. @default 2 */
  readonly rise?: number | undefined;
  /** Checks that fail in a row to take it down: an integer from 1 to 1000. @default 3 */
  readonly fall?: number | undefined;
  /** Milliseconds between two checks while a change has begun, at most `interval`. @default 1000, or `interval` if that is less */
  readonly fastInterval?: number | undefined;
}

/** Statuses that pass, both included. */
export interface StatusRange {
  readonly from: number;
  readonly to: number;
}

export interface ResolvedCheck extends Complete<Omit<CheckOptions, 'host' | 'expect'>> {
  readonly host: string | undefined;
  readonly expect: StatusRange | ((answer: CheckAnswer) => boolean);
}

/** Overload: how many requests an origin may have at once is learned from how long it takes to answer. */
export interface AdaptiveConcurrencyOptions {
  /** Requests that an origin may always have: an integer from 1 to 65535. @default 4 */
  readonly min?: number | undefined;
  /** How many times as slow as usual an origin may become before it gets less, 1 to 100. @default 1.5 */
  readonly tolerance?: number | undefined;
  /** Milliseconds after which the limit is judged anew. @default 1000 */
  readonly window?: number | undefined;
}

export type ResolvedAdaptiveConcurrency = Complete<AdaptiveConcurrencyOptions>;

export type ResolvedOutliers = Complete<OutlierOptions>;

export interface ResolvedEjection extends Complete<Omit<EjectionOptions, 'outliers'>> {
  readonly outliers: ResolvedOutliers | false;
}

const outlierRules: Rules<ResolvedOutliers> = {
  window: withDefault(duration(), 10_000),
  requests: withDefault(count(1), 100),
  // Of two that differ, each is as far from the mean as the other.
  origins: withDefault(count(3), 5),
  deviations: withDefault(numberBetween(0, 100), 1.9),
  margin: withDefault(numberBetween(0, 1), 0.05),
  slowness: withDefault(orFalse(multiple()), false),
};

const status = integer(500, 599);
const statuses = matching(
  'a list of integers from 500 to 599',
  (value): value is readonly number[] => Array.isArray(value) && value.every((one) => status.admits(one)),
);

const ejectionRules: Rules<ResolvedEjection> = {
  failures: withDefault(count(1), 5),
  time: withDefault(duration(), 1000),
  maxTime: withDefault(duration(), 60_000),
  maxEjected: withDefault(numberBetween(0, 1), 0.5),
  statuses: mapped(withDefault(statuses, []), (values) => Object.freeze([...new Set(values)])),
  outliers: sectionOrFalse(outlierRules),
};

/** How the option `ejection` is read. */
export const ejectionRule: Rule<ResolvedEjection> = (name, value) => {
  if (value === false) throw refusal(name, 'an object', value, false, '; { failures: Infinity } ejects none');
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

/** Reads what is expected of an answer. */
const expectRule: Rule<ResolvedCheck['expect']> = (name, value = '200-399') => {
  if (typeof value === 'function') return value as (answer: CheckAnswer) => boolean; // what it gives is checked at each call
  const text = typeof value === 'number' || typeof value === 'string' ? String(value) : '';
  const [, from = text, to = text] = STATUS_RANGE.exec(text) ?? [];
  if (ONE_STATUS.test(from) && ONE_STATUS.test(to) && from <= to)
    return Object.freeze({ from: Number(from), to: Number(to) });
  throw refusal(name, "a status, a range as '200-299', or a function", value, typeof value === 'number');
};

const checkRules: Rules<CheckSection> = {
  type: withDefault(oneOf('http', 'tcp', 'tls'), 'http'),
  method: withDefault(textLike('a method but CONNECT', /^(?!CONNECT$)[!#$%&'*+.^_`|~0-9A-Za-z-]+$/), 'GET'),
  path: withDefault(textLike('a path that begins with / and has no spaces', /^\/[\x21\x22\x24-\x7e\x80-\xff]*$/), '/'),
  host: optional(textLike('a host, with a port or without', /^[\w.~:[\]-]+$/)),
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
    throw new TypeError(`${name}.${inVain} is for checks of type 'http', and this one is '${type}'`);
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

/** Throws where a check cannot be made of one of these origins. */
export function refuseCheckOf(check: ResolvedCheck | false, origins: readonly { readonly origin: string }[]): void {
  if (check === false || check.type !== 'tls') return;
  const plain = origins.find(({ origin }) => origin.startsWith('http:'));
  if (plain !== undefined)
    throw refusal('check.type', `'http' or 'tcp' for ${plain.origin}, which has no TLS`, 'tls', false);
}
