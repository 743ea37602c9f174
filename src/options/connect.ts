/** The option `connect`: how connections are dialled. */

import { isIP, type LookupFunction } from 'node:net';
import { callable, integer, matching, oneOf, trueOrFalse } from './checks.js';
import { type Complete, optional, type Rule, section, withDefault } from './rules.js';

/** How connections are dialled. */
export interface ConnectOptions {
  /** Sends small writes immediately (TCP_NODELAY). @default true */
  readonly noDelay?: boolean | undefined;
  /**
   * Milliseconds of silence after which the kernel sends TCP keep-alive probes: an integer from 1000 to 32767000.
   *
   * @default 30000
   */
  readonly keepAliveInitialDelay?: number | undefined;
  /** Local IP address to connect from; only addresses of its own family are dialled then. @default the kernel's choice */
  readonly localAddress?: string | undefined;
  /** Resolves host names; has the signature of `dns.lookup`. @default `dns.lookup` */
  readonly lookup?: LookupFunction | undefined;
  /** IP version of the addresses to dial: 4, 6, or 0 for both. @default 0 */
  readonly family?: 0 | 4 | 6 | undefined;
}

/** The option `connect` with every default filled in. */
export interface ResolvedConnect extends Complete<Omit<ConnectOptions, 'localAddress' | 'lookup'>> {
  /** Local IP address to connect from; `undefined` leaves it to the kernel. */
  readonly localAddress: string | undefined;
  /** Resolves host names; `undefined` is `dns.lookup`. */
  readonly lookup: LookupFunction | undefined;
}

/** How the option `connect` is read. */
export const connectRule: Rule<ResolvedConnect> = section<ResolvedConnect>({
  noDelay: withDefault(trueOrFalse, true),
  // The kernel counts in whole seconds, 1 to 32767 (tcp(7), TCP_KEEPIDLE).
  keepAliveInitialDelay: withDefault(integer(1000, 32_767_000), 30_000),
  localAddress: optional(
    matching('an IP address', (value): value is string => typeof value === 'string' && isIP(value) !== 0),
  ),
  lookup: optional(callable<LookupFunction>()),
  family: withDefault(oneOf(0, 4, 6), 0),
});
