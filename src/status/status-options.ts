/** Options of a status page. */

import { callable, integer, text } from '../options/checks.js';
import { optional, type Rules, resolveSection, withDefault } from '../options/rules.js';
import type { StatusAuthorise } from './status-actions.js';

/** Options of `backend.statusHandler()`. */
export interface StatusHandlerOptions {
  /** Heading of the page, and name of the backend in the CSV. @default 'pooled-backend' */
  readonly title?: string | undefined;
  /** Milliseconds between two updates of the page: an integer from 100 to 5000. @default 1000 */
  readonly interval?: number | undefined;
  /**
   * Decides whether the sender of a request may drain an origin, make it ready again or change its weight, with buttons
   * on the page. May be async. Without it the page is read-only.
   *
   * @default none
   */
  readonly actions?: StatusAuthorise | undefined;
}

export interface ResolvedStatusOptions {
  readonly title: string;
  readonly interval: number;
  readonly actions: StatusAuthorise | undefined;
}

const rules: Rules<ResolvedStatusOptions> = {
  title: withDefault(text, 'pooled-backend'),
  interval: withDefault(integer(100, 5_000), 1000),
  actions: optional(callable<StatusAuthorise>()),
};

/** @throws TypeError or RangeError, naming the option */
export function resolveStatusOptions(given: StatusHandlerOptions): ResolvedStatusOptions {
  return resolveSection('', given, rules);
}
