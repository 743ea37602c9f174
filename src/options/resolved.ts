/** The options of a backend as the library uses them: checked, every default filled in, frozen. */

import type { PooledBackendOptions } from '../options.js';
import { isObject, refusal, resolveSection } from './checks.js';
import { type ClusterTotal, mostConnections } from './connections.js';
import { type ResolvedDns, refuseOtherThanOne } from './discovery.js';
import {
  type ResolvedAdaptiveConcurrency,
  type ResolvedCheck,
  type ResolvedEjection,
  refuseCheckOf,
} from './health.js';
import type { IdempotentOption } from './hooks.js';
import type { Logger } from './logger.js';
import { type ConnectionLimits, isUrl, type ResolvedOrigin, refuseMinimum, resolveOrigins } from './origins.js';
import type { ResolvedConnect, ResolvedRetryBudget, SubsetOptions } from './parts.js';
import type { ResolvedSticky } from './sticky.js';
import { type OptionSection, optionRules } from './table.js';

/** The same options with a value for each. */
export type Complete<T> = { readonly [Name in keyof T]-?: Exclude<T[Name], undefined> };
type Whole =
  | 'origins'
  | 'maxConnections'
  | 'dns'
  | 'subset'
  | 'idempotent'
  | 'retryBudget'
  | 'sticky'
  | 'ejection'
  | 'check'
  | 'adaptiveConcurrency'
  | 'connect'
  | 'logger';

/** The options of a backend with every default filled in. Frozen. */
export interface ResolvedOptions extends Complete<Omit<PooledBackendOptions, Whole>> {
  /** The configured origins; empty if they are discovered at run time. */
  readonly origins: readonly ResolvedOrigin[];
  /** Limit of this process, or the total its cluster primary assigns it a share of. */
  readonly maxConnections: number | ClusterTotal;
  /** `undefined` if the origins are not found by the option `dns`. */
  readonly dns: ResolvedDns | undefined;
  /** `undefined` uses all origins. */
  readonly subset: SubsetOptions | undefined;
  /** `undefined` decides by the method. */
  readonly idempotent: IdempotentOption | undefined;
  /** Token bucket that limits retries. */
  readonly retryBudget: ResolvedRetryBudget;
  /** Session cookie; `false` is off. */
  readonly sticky: ResolvedSticky | false;
  /** Passive health checking. */
  readonly ejection: ResolvedEjection;
  /** Active health checking; `false` is off. */
  readonly check: ResolvedCheck | false;
  /** Concurrency limit by response time; `false` is off. */
  readonly adaptiveConcurrency: ResolvedAdaptiveConcurrency | false;
  /** How connections are dialled. */
  readonly connect: ResolvedConnect;
  /** `undefined` writes nothing. */
  readonly logger: Logger | undefined;
}

/** Discovered origins are checked against the limits when they are found. */
function noneYet(limits: ConnectionLimits): readonly ResolvedOrigin[] {
  refuseMinimum(limits);
  return Object.freeze([]);
}

/**
 * Reads the options one by one, each once: what the owner changes in them later has no effect. A string or a `URL` is that of
 * the only origin.
 *
 * @throws TypeError for an unknown name or a value of the wrong kind, RangeError for a number out of bounds; the message
 *   names the option, what it accepts and what it got.
 */
export function readOptions(given: PooledBackendOptions | string | URL): OptionSection {
  if (typeof given === 'string' || isUrl(given)) return resolveSection('', { origins: [given] }, optionRules);
  if (isObject(given) && !Array.isArray(given)) return resolveSection('', given, optionRules);
  const hint = Array.isArray(given) ? '; a list of origins is { origins: [ … ] }' : '';
  throw refusal('the options', 'an object, or the URL of the only origin', given, false, hint);
}

/** Checks options and fills in the defaults. @throws TypeError, RangeError as {@link readOptions} does */
export function resolveOptions(given: PooledBackendOptions | string | URL): ResolvedOptions {
  return completeOptions(readOptions(given));
}

/**
 * Holds the options against each other.
 *
 * @param readSet how a list of origins is checked
 * @throws TypeError, RangeError as {@link readOptions} does
 */
export function completeOptions(
  section: OptionSection,
  readSet: typeof resolveOrigins = resolveOrigins,
): ResolvedOptions {
  const most = mostConnections(section.maxConnections);
  const maxFreshConnections = section.maxFreshConnections ?? most;
  if (maxFreshConnections > most) {
    throw refusal('maxFreshConnections', `at most maxConnections (${most})`, maxFreshConnections, true);
  }
  const { minConnections, maxConnections } = section;
  refuseOtherThanOne(section.origins, section.dns);
  const limits = { minConnections, maxConnections, maxFreshConnections };
  const origins = Array.isArray(section.origins) ? readSet(section.origins, limits) : noneYet(limits);
  refuseCheckOf(section.check, origins);
  return Object.freeze({ ...section, maxFreshConnections, origins });
}
