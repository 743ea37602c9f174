/** Which options may change at run time, and how the options of mounts follow such a change. */

import type { PooledBackendOptions } from './backend.js';
import { isRecord } from './checks.js';
import type { OriginSet } from './discovery.js';
import { resolveEach, resolveOrigins } from './origins.js';
import { completeOptions, mountOptions } from './reading.js';
import type { ResolvedOptions } from './resolved.js';
import { ownNames, refusal, whereItBelongs, withInherited } from './rules.js';
import { type OptionSection, optionRules, optionTable } from './table.js';

/** The other options determine how a backend is built. */
const CHANGEABLE = [
  'maxConnections',
  'minConnections',
  'nonIdempotent',
  'maxFreshConnections',
  'spareConnections',
  'maxQueue',
  'queueTimeout',
  'maxDialling',
  'connectTimeout',
  'sendTimeout',
  'headersTimeout',
  'bodyTimeout',
  'clientTimeout',
  'requestTimeout',
  'keepAliveTimeout',
  'maxRequestsPerConnection',
  'maxConnectionAge',
  'maxAttempts',
  'retryOn',
  'retryBudget',
  'replayBytes',
  'requestBufferBytes',
  'spoolBytes',
  'balance',
  'sticky',
  'ejection',
  'check',
  'slowStart',
  'adaptiveConcurrency',
] as const;

/**
 * Options of `backend.update()`: those that can be changed at run time. An option that is absent or `undefined` stays
 * as it is.
 */
export interface OptionChanges extends Pick<PooledBackendOptions, (typeof CHANGEABLE)[number]> {
  /** The new complete list of origins. Not allowed if the origins are discovered. @default as it is */
  readonly origins?: OriginSet | undefined;
}

/**
 * The options with these changes, one by one and held against each other, and the names of the changed ones.
 *
 * @param before the options before, with the present origins
 * @throws TypeError for a name that is unknown, or an option that cannot change; TypeError, RangeError as the constructor does
 */
export function changedOptions(
  before: OptionSection,
  asked: OptionChanges,
): { readonly given: OptionSection; readonly options: ResolvedOptions; readonly names: readonly string[] } {
  if (!isRecord(asked)) throw refusal('the changes', 'an object of options', asked, false);
  const changes = withInherited(asked, ownNames(optionRules));
  const names: readonly string[] = Array.isArray(before.origins) ? ['origins', ...CHANGEABLE] : CHANGEABLE;
  const other = Object.keys(changes).find((name) => !names.includes(name));
  if (other !== undefined) {
    const isKnown = optionTable.some(({ name }) => name === other);
    const what = isKnown
      ? `the option ${other} cannot be changed at run time`
      : `unknown option ${other}${whereItBelongs(other, mountOptions) ?? ''}`;
    throw new TypeError(`${what}; these can: ${names.join(', ')}`);
  }
  const { origins } = changes;
  if (origins !== undefined && !Array.isArray(origins))
    throw refusal('origins', 'a list of URLs or objects', origins, false);
  const changed = ownNames(changes).filter((name) => changes[name] !== undefined);
  const read = changed.map((name) => [name, optionRules[name](name, changes[name])]);
  const given: OptionSection = { ...before, ...Object.fromEntries(read) };
  const options = completeOptions(given, origins === undefined ? resolveEach : resolveOrigins);
  return { given, options, names: changed };
}

/** Shared by all who follow the options of a backend. They read them here whenever they need one, and are told only if they have to act. */
export interface LiveOptions {
  /** Frozen. An update puts others in their place, all at once. */
  readonly options: ResolvedOptions;
}

/** Returns what `make` made from the current options, and calls it again when they have changed. Called for each request. */
export function following<T>(setting: LiveOptions, make: (options: ResolvedOptions) => T): () => T {
  let { options } = setting;
  let made = make(options);
  return () => {
    if (setting.options !== options) {
      options = setting.options;
      made = make(options);
    }
    return made;
  };
}
