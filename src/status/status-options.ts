/** Options of a status page. */

import { integer, matching, type Rules, resolveSection, withDefault } from '../option-checks.js';

export interface StatusHandlerOptions {
  /** Heading of the page, and name of the backend in the CSV. @default 'pooled-backend' */
  readonly title?: string | undefined;
  /** Milliseconds between two updates: an integer from 100 to 5000. @default 1000 */
  readonly interval?: number | undefined;
}

export interface ResolvedStatusOptions {
  readonly title: string;
  readonly interval: number;
}

const text = matching('a string', (value): value is string => typeof value === 'string');

const rules: Rules<ResolvedStatusOptions> = {
  title: withDefault(text, 'pooled-backend'),
  interval: withDefault(integer(100, 5_000), 1000),
};

/** @throws TypeError or RangeError, naming the option */
export function resolveStatusOptions(given: StatusHandlerOptions | undefined): ResolvedStatusOptions {
  return resolveSection('', given ?? {}, rules);
}
