/** The option `subset`: how many of the origins this process uses. */

import { integer, someText } from './checks.js';
import { optionalSection, type Rule, required } from './rules.js';

/** Which origins this process uses, if many processes share the same long list. */
export interface SubsetOptions {
  /** Number of origins to use, and of backups as well: an integer from 1. */
  readonly size: number;
  /**
   * Name of this process, unique among its peers and the same after a restart, such as the name of its pod. The choice
   * of origins depends on it.
   */
  readonly id: string;
}

/** How the option `subset` is read. */
export const subsetRule: Rule<SubsetOptions | undefined> = optionalSection<SubsetOptions>({
  size: required(integer(1, Number.MAX_SAFE_INTEGER)),
  id: required(someText),
});
