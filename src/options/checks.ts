/** Which values an option may have: a check says it in words, and tests values. */

import { inspect } from 'node:util';
import { nearest } from './nearest.js';

export interface Check<T> {
  /** The end of the sentence `name must be …`. */
  readonly accepts: string;
  /** Whether numbers are accepted: then a number that does not fit is out of bounds, not of the wrong type. */
  readonly numeric: boolean;
  admits(value: unknown): value is T;
}

/** Reads one option: returns the default for `undefined` and the value if it fits, else throws an error that names the option. */
export type Rule<T> = (name: string, value: unknown) => T;

export type Rules<T> = { readonly [Name in keyof T]-?: Rule<T[Name]> };

/** The same options with a value for each. */
export type Complete<T> = { readonly [Name in keyof T]-?: Exclude<T[Name], undefined> };

// A limit for typing errors: one zero too many should not ask for more memory than any request needs.
const LARGEST_BYTES = 1_073_741_824;

/** A whole number within bounds, both included. */
export function integer(min: number, max: number): Check<number> {
  return {
    accepts: `an integer from ${min} to ${max}`,
    numeric: true,
    admits: (value): value is number => Number.isInteger(value) && isWithin(value, min, max),
  };
}

/** A whole number with a lower bound; `Infinity` means no limit. */
export function count(min: number): Check<number> {
  return {
    accepts: `an integer from ${min}, or Infinity for no limit`,
    numeric: true,
    admits: (value): value is number =>
      value === Number.POSITIVE_INFINITY || (Number.isSafeInteger(value) && isWithin(value, min)),
  };
}

/** A length of time in milliseconds, fractions allowed; `Infinity` means no limit. 0 is refused, so it cannot be taken for "never". */
export function duration(): Check<number> {
  return {
    accepts: 'a number of milliseconds from 1, or Infinity for no limit',
    numeric: true,
    admits: (value): value is number => isWithin(value, 1),
  };
}

/** A time that a timer of Node can wait: a longer one would end at once. */
export function pause(): Check<number> {
  return numberBetween(1, 2_147_483_647);
}

/** Any number within bounds, both included. */
export function numberBetween(min: number, max: number): Check<number> {
  return {
    accepts: `a number from ${min} to ${max}`,
    numeric: true,
    admits: (value): value is number => isWithin(value, min, max),
  };
}

/** A number from 0 that is not a length of time; `Infinity` means no limit. */
export function rate(): Check<number> {
  return {
    accepts: 'a number from 0, or Infinity for no limit',
    numeric: true,
    admits: (value): value is number => isWithin(value, 0),
  };
}

/** A factor from 1; `Infinity` means no limit. */
export function multiple(): Check<number> {
  return {
    accepts: 'a number from 1, or Infinity for no limit',
    numeric: true,
    admits: (value): value is number => isWithin(value, 1),
  };
}

/** A size for one request or response. */
export function bytes(min = 0): Check<number> {
  return integer(min, LARGEST_BYTES);
}

/** One of the literals listed. */
export function oneOf<const A extends readonly (string | number | boolean)[]>(...allowed: A): Check<A[number]> {
  return {
    accepts: listed(allowed, 'or'),
    numeric: false,
    admits: (value): value is A[number] => isAmong(allowed, value),
  };
}

/** A list of literals. It may be empty. */
export function listOf<const A extends readonly (string | number)[]>(...allowed: A): Check<readonly A[number][]> {
  return {
    accepts: `a list of ${listed(allowed, 'and')}`,
    numeric: false,
    admits: (value): value is readonly A[number][] =>
      Array.isArray(value) && value.every((item) => isAmong(allowed, item)),
  };
}

/** Also accepts `false`, which turns the option off. */
export function orFalse<T>(check: Check<T>): Check<T | false> {
  return {
    accepts: `${check.accepts}, or false`,
    numeric: check.numeric,
    admits: (value): value is T | false => value === false || check.admits(value),
  };
}

export function trueOrFalse(): Check<boolean> {
  return { accepts: 'true or false', numeric: false, admits: (value): value is boolean => typeof value === 'boolean' };
}

/** A function. Its parameters and result cannot be checked. */
export function callable<T extends (...args: never[]) => unknown>(): Check<T> {
  return { accepts: 'a function', numeric: false, admits: (value): value is T => typeof value === 'function' };
}

/** An object with these methods. Used as it is: neither copied nor frozen. */
export function objectWith<T extends object>(...methods: readonly (keyof T & string)[]): Check<T> {
  return {
    accepts: `an object with ${listed(
      methods.map((name) => `${name}()`),
      'and',
      String,
    )}`,
    numeric: false,
    admits: (value): value is T =>
      isObject(value) && methods.every((name) => typeof Reflect.get(value, name) === 'function'),
  };
}

/** A check with its own words. */
export function matching<T>(accepts: string, admits: (value: unknown) => value is T): Check<T> {
  return { accepts, numeric: false, admits };
}

/** A string of this form. */
export function textLike(accepts: string, form: RegExp): Check<string> {
  return matching(accepts, (value): value is string => typeof value === 'string' && form.test(value));
}

/** An option with a default. */
export function withDefault<T>(check: Check<T>, fallback: T): Rule<T> {
  return (name, value) => (value === undefined ? fallback : checked(name, value, check));
}

/** An option whose value, after its check, is converted or checked further. */
export function mapped<T, R>(rule: Rule<T>, change: (value: T, name: string) => R): Rule<R> {
  return (name, value) => change(rule(name, value), name);
}

/** An option that may be absent. */
export function optional<T>(check: Check<T>): Rule<T | undefined> {
  return withDefault<T | undefined>(check, undefined);
}

/** An option that must be given. */
export function required<T>(check: Check<T>): Rule<T> {
  return (name, value) => checked(name, value, check);
}

/** An object of options. If it is absent, each option has its default. */
export function section<T extends object>(rules: Rules<T>): Rule<Readonly<T>> {
  return (name, value) => resolveSection(name, value === undefined ? {} : value, rules);
}

/** An object of options that may be absent. */
export function optionalSection<T extends object>(rules: Rules<T>): Rule<Readonly<T> | undefined> {
  return (name, value) => (value === undefined ? undefined : resolveSection(name, value, rules));
}

/** An object of options that turns a feature on. Without it, the feature is off. */
export function sectionOrFalse<T extends object>(rules: Rules<T>): Rule<Readonly<T> | false> {
  return (name, value) => {
    if (value === undefined || value === false) return false;
    if (!isObject(value) || Array.isArray(value)) throw refusal(name, 'an object or false', value, false);
    return resolveSection(name, value, rules);
  };
}

/** Returns the value, or throws an error that names the option, what it accepts and what it got. */
export function checked<T>(name: string, value: unknown, check: Check<T>): T {
  if (check.admits(value)) return value;
  throw refusal(name, check.accepts, value, check.numeric && typeof value === 'number');
}

/** The error for a value that does not fit: a `RangeError` for a number out of bounds, else a `TypeError`. */
export function refusal(
  name: string,
  accepts: string,
  value: unknown,
  outOfBounds: boolean,
  hint = '',
): TypeError | RangeError {
  const message = `${name} must be ${accepts}, got ${shown(value)}${hint}`;
  return outOfBounds ? new RangeError(message) : new TypeError(message);
}

/**
 * Reads every option of an object by its rule. The result is frozen and has a value for each rule.
 *
 * @param owner how errors call the object; empty for the outermost
 * @param elsewhere options of other places, for errors
 */
export function resolveSection<T extends object>(
  owner: string,
  given: unknown,
  rules: Rules<T>,
  elsewhere: Elsewhere = {},
): Readonly<T> {
  if (!isObject(given) || Array.isArray(given)) {
    throw refusal(owner === '' ? 'the options' : owner, 'an object', given, false);
  }
  refuseUnknownNames(owner, given, rules, elsewhere);
  const resolved: Record<string, unknown> = {};
  for (const name of ownNames(rules)) {
    const rule: Rule<T[typeof name]> = rules[name];
    resolved[name] = rule(owner === '' ? name : `${owner}.${name}`, Reflect.get(given, name));
  }
  return Object.freeze(resolved) as T; // every name of T was read by its rule
}

/** A copy that also has what the object inherits of these names, such as the getters of its class: a spread leaves that out. */
export function withInherited<T extends object>(given: T, names: readonly string[]): T {
  const inherited = names.filter((name) => name in given && !Object.hasOwn(given, name));
  return { ...Object.fromEntries(inherited.map((name) => [name, Reflect.get(given, name)])), ...given };
}

/** The names of an object whose type has no other names. */
export function ownNames<T extends object>(value: T): (keyof T & string)[] {
  return Object.keys(value) as (keyof T & string)[]; // true for our own literals, whose types the compiler knows
}

export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** @throws TypeError that lists the known names */
export function refuseUnknownNames(owner: string, given: object, rules: object, elsewhere: Elsewhere = {}): void {
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(rules, name)) continue;
    const names = Object.keys(rules);
    const meant = nearest(name, names);
    const [path, place] = owner === '' ? [name, ''] : [`${owner}.${name}`, ` in ${owner}`];
    const guess = whereItBelongs(name, elsewhere) ?? (meant === undefined ? '' : ` (did you mean ${meant}?)`);
    throw new TypeError(`unknown option ${path}${guess}; known${place}: ${names.join(', ')}`);
  }
}

/** The options of other places, by the name of the place. */
export type Elsewhere = Readonly<Record<string, object>>;

/** The part of a message that says to which of these places an option belongs, if it does. */
export function whereItBelongs(name: string, elsewhere: Elsewhere): string | undefined {
  const place = Object.keys(elsewhere).find((one) => Object.hasOwn(elsewhere[one] ?? {}, name));
  return place === undefined ? undefined : `: it is an option of ${place}`;
}

function isWithin(value: unknown, min: number, max = Number.POSITIVE_INFINITY): boolean {
  return typeof value === 'number' && value >= min && value <= max;
}

function isAmong<T>(allowed: readonly T[], value: unknown): value is T {
  return allowed.some((item) => item === value);
}

function listed<T>(items: readonly T[], conjunction: string, show: (item: T) => string = shown): string {
  const shownItems = items.map(show);
  const last = shownItems.pop() ?? '';
  return shownItems.length === 0 ? last : `${shownItems.join(', ')} ${conjunction} ${last}`;
}

/** A value on one short line. */
export function shown(value: unknown): string {
  return inspect(value, { depth: 1, breakLength: Number.POSITIVE_INFINITY, maxStringLength: 200, maxArrayLength: 10 });
}
