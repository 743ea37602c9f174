/** An option as one row: how it is read, and what the documentation says about it. */

import { shown } from './checks.js';
import { ownNames, type Rule, type Rules } from './rules.js';

/** One row of an options table in the documentation. */
export interface OptionRow {
  readonly name: string;
  /** The default as it is shown: a JavaScript literal, or words. */
  readonly default: string;
  readonly meaning: string;
}

export interface Option<T> {
  readonly read: Rule<T>;
  readonly meaning: string;
  /** Shown instead of the default's value. */
  readonly shownDefault: string | undefined;
}

export type OptionsOf<T> = { readonly [Name in keyof T]-?: Option<T[Name]> };

/** A row that shows the default as a literal, or `shownDefault` if that is given. */
export function option<T>(read: Rule<T>, meaning: string, shownDefault?: string): Option<T> {
  return { read, meaning, shownDefault };
}

/** How each option is read. */
export function rulesOf<T extends object>(options: OptionsOf<T>): Rules<T> {
  const rules: Record<string, unknown> = {};
  for (const name of ownNames(options)) rules[name] = options[name].read;
  return rules as Rules<T>; // the same names, each with its rule
}

/** The rows for the documentation, in order. */
export function rowsOf<T extends object>(options: OptionsOf<T>): readonly OptionRow[] {
  return ownNames(options).map((name) => {
    const { read, meaning, shownDefault } = options[name];
    return { name, default: shownDefault ?? shown(read(name, undefined)), meaning };
  });
}
