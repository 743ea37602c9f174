/** Reads the options of a backend: each by itself, and then all of them against each other. */

import type { PooledBackendOptions } from './backend.js';
import { isRecord } from './checks.js';
import { mostConnections } from './connections.js';
import { refuseOtherThanOne } from './discovery.js';
import { handlerRules } from './handler.js';
import { refuseCheckOf } from './health-check.js';
import { type ConnectionLimits, isUrl, type ResolvedOrigin, refuseMinimum, resolveOrigins } from './origins.js';
import type { ResolvedOptions } from './resolved.js';
import { type Elsewhere, refusal, resolveSection } from './rules.js';
import { type OptionSection, optionRules } from './table.js';
import { tunnelRules } from './tunnel.js';

/** Options that a backend does not have, by their places. */
export const mountOptions: Elsewhere = { 'handler()': handlerRules, 'upgradeHandler()': tunnelRules };

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
  if (isRecord(given)) return resolveSection('', given, optionRules, mountOptions);
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
