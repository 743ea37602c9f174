/** Which values an option may have: a check says it in words, and tests values. */

import { inspect } from 'node:util';

export interface Check<T> {
  /** The end of the sentence `name must be …`. */
  readonly accepts: string;
  /** Whether numbers are accepted: then a number that does not fit is out of bounds, not of the wrong type. */
  readonly numeric: boolean;
  admits(value: unknown): value is T;
}

// A limit for typing errors: one zero too many should not ask for more memory than any request needs.
const LARGEST_BYTES = 1_073_741_824;

/** A length of time in milliseconds, fractions allowed; `Infinity` means no limit. 0 is refused, so it cannot be taken for "never". */
export const duration = numeric('a number of milliseconds from 1, or Infinity for no limit', (value) => value >= 1);

/** A time that a timer of Node can wait: a longer one would end at once. */
export const pause = numberBetween(1, 2_147_483_647);

/** A number from 0 that is not a length of time; `Infinity` means no limit. */
export const rate = numeric('a number from 0, or Infinity for no limit', (value) => value >= 0);

/** A factor from 1; `Infinity` means no limit. */
export const multiple = numeric('a number from 1, or Infinity for no limit', (value) => value >= 1);

export const trueOrFalse = matching('true or false', (value): value is boolean => typeof value === 'boolean');

export const text = matching('a string', (value): value is string => typeof value === 'string');

export const someText = textLike('a string that is not empty', /./s);

/** A whole number within bounds, both included. */
export function integer(min: number, max: number): Check<number> {
  return numeric(
    `an integer from ${min} to ${max}`,
    (value) => Number.isInteger(value) && value >= min && value <= max,
  );
}

/** A whole number with a lower bound; `Infinity` means no limit. */
export function count(min: number): Check<number> {
  return numeric(
    `an integer from ${min}, or Infinity for no limit`,
    (value) => value === Number.POSITIVE_INFINITY || (Number.isSafeInteger(value) && value >= min),
  );
}

/** Any number within bounds, both included. */
export function numberBetween(min: number, max: number): Check<number> {
  return numeric(`a number from ${min} to ${max}`, (value) => value >= min && value <= max);
}

/** A size for one request or response. */
export function bytes(min = 0): Check<number> {
  return integer(min, LARGEST_BYTES);
}

/** One of the literals listed. */
export function oneOf<const A extends readonly (string | number | boolean)[]>(...allowed: A): Check<A[number]> {
  return matching(listed(allowed, 'or'), (value): value is A[number] => isAmong(allowed, value));
}

/** A list of literals. It may be empty. */
export function listOf<const A extends readonly (string | number)[]>(...allowed: A): Check<readonly A[number][]> {
  return matching(
    `a list of ${listed(allowed, 'and')}`,
    (value): value is readonly A[number][] => Array.isArray(value) && value.every((item) => isAmong(allowed, item)),
  );
}

/** Also accepts `false`, which turns the option off. */
export function orFalse<T>(check: Check<T>): Check<T | false> {
  return {
    accepts: `${check.accepts}, or false`,
    numeric: check.numeric,
    admits: (value): value is T | false => value === false || check.admits(value),
  };
}

/** A function. Its parameters and result cannot be checked. */
export function callable<T extends (...args: never[]) => unknown>(): Check<T> {
  return matching('a function', (value): value is T => typeof value === 'function');
}

/** An object with these methods. Used as it is: neither copied nor frozen. */
export function objectWith<T extends object>(...methods: readonly (keyof T & string)[]): Check<T> {
  const calls = methods.map((name) => `${name}()`);
  return matching(
    `an object with ${listed(calls, 'and', String)}`,
    (value): value is T => isObject(value) && methods.every((name) => typeof Reflect.get(value, name) === 'function'),
  );
}

/** A string of this form. */
export function textLike(accepts: string, form: RegExp): Check<string> {
  return matching(accepts, (value): value is string => typeof value === 'string' && form.test(value));
}

/** A check with its own words. */
export function matching<T>(accepts: string, admits: (value: unknown) => value is T): Check<T> {
  return { accepts, numeric: false, admits };
}

function numeric(accepts: string, fits: (value: number) => boolean): Check<number> {
  return { accepts, numeric: true, admits: (value): value is number => typeof value === 'number' && fits(value) };
}

export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** Whether the value may have names of its own, such as those of options: a list has none. */
export function isRecord(value: unknown): value is object {
  return isObject(value) && !Array.isArray(value);
}

/** A value on one short line. */
export function shown(value: unknown): string {
  return inspect(value, { depth: 1, breakLength: Number.POSITIVE_INFINITY, maxStringLength: 200, maxArrayLength: 10 });
}

function isAmong<T>(allowed: readonly T[], value: unknown): value is T {
  return allowed.some((item) => item === value);
}

function listed<T>(items: readonly T[], conjunction: string, show: (item: T) => string = shown): string {
  const shownItems = items.map(show);
  const last = shownItems.pop() ?? '';
  return shownItems.length === 0 ? last : `${shownItems.join(', ')} ${conjunction} ${last}`;
}
