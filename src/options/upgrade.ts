/** Options of `upgradeHandler()`: those of a mount, and its own for tunnels. */

import {
  duration,
  isObject,
  mapped,
  matching,
  optional,
  refusal,
  refuseUnknownNames,
  resolveSection,
  withDefault,
  withInherited,
} from './checks.js';
import { type HandlerOptions, handlerOptionsOf, handlerRules, type ResolvedHandlerOptions } from './handler.js';
import type { ResolvedOptions } from './resolved.js';
import { type OptionRow, type OptionsOf, option, rowsOf, rulesOf } from './row.js';

/** Options that only `backend.upgradeHandler()` has. */
export interface TunnelOptions {
  /**
   * Names of the protocols that may be tunnelled, such as `['websocket']`, in any case. A request that offers none of
   * them is served as a plain request, without its Upgrade field. `h2c` is not accepted.
   *
   * @default all but h2c
   */
  readonly protocols?: readonly string[] | undefined;
  /**
   * Milliseconds a tunnel may carry no byte in either direction, or `Infinity`. Then both connections are closed.
   *
   * @default 300000
   */
  readonly idleTimeout?: number | undefined;
  /** Milliseconds a tunnel may last, or `Infinity`. Then both connections are closed. @default Infinity */
  readonly maxDuration?: number | undefined;
}

/**
 * Options of `backend.upgradeHandler()`: its own, and those of `backend.handler()`. Four of the latter have no effect,
 * because an upgrade is never sent twice and has no body: `nonIdempotent`, `idempotent`, `requestBufferBytes` and
 * `expectTimeout`.
 */
export interface UpgradeHandlerOptions extends TunnelOptions, HandlerOptions {}

/** Options of an upgrade handler with every default filled in, frozen. */
export interface ResolvedUpgradeOptions {
  /** Lower-case names; `undefined` = all but h2c. */
  readonly protocols: ReadonlySet<string> | undefined;
  readonly idleTimeout: number;
  readonly maxDuration: number;
  /** Options for the request, and for a response that refuses the upgrade. */
  readonly mount: ResolvedHandlerOptions;
}

type TunnelSection = Omit<ResolvedUpgradeOptions, 'mount'>;

const PROTOCOL_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

const names = matching(
  "a list of protocol names such as 'websocket', without versions and without h2c",
  (value): value is readonly string[] => Array.isArray(value) && value.every(isTunnelled),
);

function isTunnelled(value: unknown): boolean {
  return typeof value === 'string' && PROTOCOL_NAME.test(value) && value.toLowerCase() !== 'h2c';
}

const options: OptionsOf<TunnelSection> = {
  protocols: option(
    mapped(optional(names), (list) =>
      list === undefined ? undefined : new Set(list.map((name) => name.toLowerCase())),
    ),
    'names of the protocols that may be tunnelled; a request that offers none of them is served like any other',
    'all but h2c',
  ),
  idleTimeout: option(
    withDefault(duration(), 300_000),
    'ms in which a tunnel may carry no byte in either direction; then both ends are closed',
  ),
  maxDuration: option(
    withDefault(duration(), Number.POSITIVE_INFINITY),
    'ms that a tunnel may last; then both ends are closed',
  ),
};

const rules = rulesOf(options);
const allRules = { ...rules, ...handlerRules };

/** The options that only `upgradeHandler()` has, for the documentation. */
export const upgradeOptionTable: readonly OptionRow[] = rowsOf(options);

/**
 * Checks the options of an upgrade handler and fills in those of its backend.
 *
 * @throws TypeError, RangeError as {@link handlerOptionsOf} does
 */
export function resolveUpgradeOptions(given: UpgradeHandlerOptions, backend: ResolvedOptions): ResolvedUpgradeOptions {
  return upgradeOptionsOf(given)(backend);
}

/** The same in two steps, as {@link handlerOptionsOf} does it. */
export function upgradeOptionsOf(given: UpgradeHandlerOptions): (backend: ResolvedOptions) => ResolvedUpgradeOptions {
  if (!isObject(given) || Array.isArray(given)) throw refusal('the options', 'an object', given, false);
  refuseUnknownNames('', given, allRules);
  const { protocols, idleTimeout, maxDuration, ...mount } = withInherited(given, Object.keys(allRules));
  const section = resolveSection<TunnelSection>('', { protocols, idleTimeout, maxDuration }, rules);
  const fill = handlerOptionsOf(mount);
  return (backend) => Object.freeze({ ...section, mount: fill(backend) });
}
