/** When an origin is trusted with requests: the options, as the owner writes them and as the library knows them. */

import {
  count,
  duration,
  integer,
  isObject,
  mapped,
  matching,
  numberBetween,
  type Rule,
  type Rules,
  refusal,
  resolveSection,
  withDefault,
} from './option-checks.js';

/** Passive health: an origin that fails in a row gets no requests for a while. */
export interface EjectionOptions {
  /** Failures in a row that eject: an integer from 1; `Infinity` never ejects. @default 5 */
  readonly failures?: number | undefined;
  /** Length of the first ejection in milliseconds, doubled by each one that follows. @default 1000 */
  readonly time?: number | undefined;
  /** The longest ejection in milliseconds, at least `time`. @default 60000 */
  readonly maxTime?: number | undefined;
  /** Share of the origins that may be ejected at once, 0 to 1. @default 0.5 */
  readonly maxEjected?: number | undefined;
  /** Statuses of responses that are failures, beside what no response came for: integers from 500 to 599. @default [] */
  readonly statuses?: readonly number[] | undefined;
  /** Ejects an origin that fails much more often than the others; `false` = none. @default false */
  readonly outliers?: OutlierOptions | false | undefined;
}

/** What makes an origin an outlier: its success rate over a window, beside those of the others. */
export interface OutlierOptions {
  /** Milliseconds of a window. @default 10000 */
  readonly window?: number | undefined;
  /** Requests that an origin must have answered or failed within the window: an integer from 1. @default 100 */
  readonly requests?: number | undefined;
  /** Origins with so many requests that it takes: an integer from 3. @default 5 */
  readonly origins?: number | undefined;
  /** Standard deviations below the mean that are too many, from 0. @default 1.9 */
  readonly deviations?: number | undefined;
  /** How far below the mean a success rate must be at least, 0 to 1. @default 0.05 */
  readonly margin?: number | undefined;
}

type Complete<T> = { readonly [Name in keyof T]-?: Exclude<T[Name], undefined> };

export type ResolvedOutliers = Complete<OutlierOptions>;

export interface ResolvedEjection extends Complete<Omit<EjectionOptions, 'outliers'>> {
  readonly outliers: ResolvedOutliers | false;
}

/** An object of options that turns a thing on; it is off without. */
function sectionOrFalse<T extends object>(rules: Rules<T>): Rule<Readonly<T> | false> {
  return (name, value) => {
    if (value === undefined || value === false) return false;
    if (!isObject(value) || Array.isArray(value)) throw refusal(name, 'an object or false', value, false);
    return resolveSection(name, value, rules);
  };
}

const outlierRules: Rules<ResolvedOutliers> = {
  window: withDefault(duration(), 10_000),
  requests: withDefault(count(1), 100),
  // Of two that differ, each is as far from the mean as the other.
  origins: withDefault(count(3), 5),
  deviations: withDefault(numberBetween(0, 100), 1.9),
  margin: withDefault(numberBetween(0, 1), 0.05),
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
  const ejection = resolveSection(name, value === undefined ? {} : value, ejectionRules);
  if (ejection.maxTime >= ejection.time) return ejection;
  throw refusal(`${name}.maxTime`, `at least ${name}.time (${ejection.time})`, ejection.maxTime, true);
};
