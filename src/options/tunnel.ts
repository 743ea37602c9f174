/** Options of tunnels, which only `upgradeHandler()` has. */

import { duration, matching } from './checks.js';
import { type OptionRow, type OptionsOf, option, rowsOf, rulesOf } from './row.js';
import { mapped, optional, withDefault } from './rules.js';

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

/** Options of a tunnel with every default filled in, frozen. */
export interface ResolvedTunnelOptions {
  /** Lower-case names; `undefined` = all but h2c. */
  readonly protocols: ReadonlySet<string> | undefined;
  readonly idleTimeout: number;
  readonly maxDuration: number;
}

const PROTOCOL_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

const names = matching(
  "a list of protocol names such as 'websocket', without versions and without h2c",
  (value): value is readonly string[] => Array.isArray(value) && value.every(isTunnelled),
);

function isTunnelled(value: unknown): boolean {
  return typeof value === 'string' && PROTOCOL_NAME.test(value) && value.toLowerCase() !== 'h2c';
}

const options: OptionsOf<ResolvedTunnelOptions> = {
  protocols: option(
    mapped(optional(names), (list) =>
      list === undefined ? undefined : new Set(list.map((name) => name.toLowerCase())),
    ),
    'names of the protocols that may be tunnelled; a request that offers none of them is served like any other',
    'all but h2c',
  ),
  idleTimeout: option(
    withDefault(duration, 300_000),
    'ms in which a tunnel may carry no byte in either direction; then both ends are closed',
  ),
  maxDuration: option(
    withDefault(duration, Number.POSITIVE_INFINITY),
    'ms that a tunnel may last; then both ends are closed',
  ),
};

export const tunnelRules = rulesOf(options);

/** The options that only `upgradeHandler()` has, for the documentation. */
export const upgradeOptionTable: readonly OptionRow[] = rowsOf(options);
