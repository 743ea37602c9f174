/** The options `retryOn` and `retryBudget`: what else is retried, and how much. */

import { listOf, numberBetween, rate } from './checks.js';
import { type Complete, distinct, type Rule, section, withDefault } from './rules.js';

/**
 * A reason to retry an idempotent request, besides those that are always safe: no response head within
 * `headersTimeout`, or a response with one of these status codes.
 */
export type RetryCondition = 'headers-timeout' | 429 | 500 | 502 | 503 | 504;

/**
 * A token bucket that limits retries, shared by all requests of a backend. Each retry takes a token; one after a reused
 * connection closed without an answer is free. The bucket starts full.
 */
export interface RetryBudgetOptions {
  /** Tokens added for each request: a number from 0 to 1. @default 0.2 */
  readonly ratio?: number | undefined;
  /** Tokens added every second regardless of traffic: a number from 0, or `Infinity` for no limit. @default 10 */
  readonly minPerSecond?: number | undefined;
}

/** The option `retryBudget` with every default filled in. */
export type ResolvedRetryBudget = Complete<RetryBudgetOptions>;

/** How the option `retryOn` is read. */
export const retryOnRule: Rule<readonly RetryCondition[]> = distinct(
  listOf('headers-timeout', 429, 500, 502, 503, 504),
);

/** How the option `retryBudget` is read. */
export const retryBudgetRule: Rule<ResolvedRetryBudget> = section({
  ratio: withDefault(numberBetween(0, 1), 0.2),
  minPerSecond: withDefault(rate, 10),
});
