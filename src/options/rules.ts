/** How an option is read: by itself, or as an object of options. */

import { type Check, isRecord, shown } from './checks.js';
import { nearest } from './nearest.js';

/** Reads one option: returns the default for `undefined` and the value if it fits, else throws an error that names the option. */
export type Rule<T> = (name: string, value: unknown) => T;

export type Rules<T> = { readonly [Name in keyof T]-?: Rule<T[Name]> };

/** The same options with a value for each. */
export type Complete<T> = { readonly [Name in keyof T]-?: Exclude<T[Name], undefined> };

/** An option with a default. */
export function withDefault<T>(check: Check<T>, fallback: T): Rule<T> {
  return (name, value) => (value === undefined ? fallback : checked(name, value, check));
}

/** An option whose value, after its check, is converted or checked further. */
export function mapped<T, R>(rule: Rule<T>, change: (value: T, name: string) => R): Rule<R> {
  return (name, value) => change(rule(name, value), name);
}

/** An option that is a list, empty by default: a frozen copy, without repetitions. */
export function distinct<T>(check: Check<readonly T[]>): Rule<readonly T[]> {
  return mapped(withDefault<readonly T[]>(check, []), (values) => Object.freeze([...new Set(values)]));
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
    if (!isRecord(value)) throw refusal(name, 'an object or false', value, false);
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
  if (!isRecord(given)) {
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
