/** Options of a status page. */

import { callable, integer, matching, optional, type Rules, resolveSection, withDefault } from '../options/checks.js';
import type { StatusAuthorise } from './status-actions.js';

/** Options of `backend.statusHandler()`. */
export interface StatusHandlerOptions {
  /** Heading of the page, and name of the backend in the CSV. @default 'pooled-backend' */
  readonly title?: string | undefined;
  /** Milliseconds between two updates: an integer from 100 to 5000. @default 1000 */
  readonly interval?: number | undefined;
  /**
   * Whether whoever sent a request may drain an origin, make it ready and change its weight: buttons on the page. May give a
   * promise. Without it the page can only be read. @default none
   */
  readonly actions?: StatusAuthorise | undefined;
}

export interface ResolvedStatusOptions {
  readonly title: string;
  readonly interval: number;
  readonly actions: StatusAuthorise | undefined;
}

const text = matching('a string', (value): value is string => typeof value === 'string');

const rules: Rules<ResolvedStatusOptions> = {
  title: withDefault(text, 'pooled-backend'),
  interval: withDefault(integer(100, 5_000), 1000),
  actions: optional(callable<StatusAuthorise>()),
};

/** @throws TypeError or RangeError, naming the option */
export function resolveStatusOptions(given: StatusHandlerOptions): ResolvedStatusOptions {
  return resolveSection('', given, rules);
}
