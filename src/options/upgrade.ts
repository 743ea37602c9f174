/** Options of `upgradeHandler()`: those of a mount, and its own for tunnels. */

import { isRecord } from './checks.js';
import { type HandlerOptions, handlerOptionsOf, handlerRules, type ResolvedHandlerOptions } from './handler.js';
import type { ResolvedOptions } from './resolved.js';
import { refusal, refuseUnknownNames, resolveSection, withInherited } from './rules.js';
import { optionRules } from './table.js';
import { type ResolvedTunnelOptions, type TunnelOptions, tunnelRules } from './tunnel.js';

/**
 * Options of `backend.upgradeHandler()`: its own, and those of `backend.handler()`. Four of the latter have no effect,
 * because an upgrade is never sent twice and has no body: `nonIdempotent`, `idempotent`, `requestBufferBytes` and
 * `expectTimeout`.
 */
export interface UpgradeHandlerOptions extends TunnelOptions, HandlerOptions {}

/** Options of an upgrade handler with every default filled in, frozen. */
export interface ResolvedUpgradeOptions extends ResolvedTunnelOptions {
  /** Options for the request, and for a response that refuses the upgrade. */
  readonly mount: ResolvedHandlerOptions;
}

const allRules = { ...tunnelRules, ...handlerRules };

/** Checks the options of an upgrade handler, as {@link handlerOptionsOf} does it for a mount. */
export function upgradeOptionsOf(given: UpgradeHandlerOptions): (backend: ResolvedOptions) => ResolvedUpgradeOptions {
  if (!isRecord(given)) throw refusal('the options', 'an object', given, false);
  refuseUnknownNames('', given, allRules, { 'the backend': optionRules });
  const { protocols, idleTimeout, maxDuration, ...mount } = withInherited(given, Object.keys(allRules));
  const section = resolveSection('', { protocols, idleTimeout, maxDuration }, tunnelRules);
  const fill = handlerOptionsOf(mount);
  return (backend) => Object.freeze({ ...section, mount: fill(backend) });
}
