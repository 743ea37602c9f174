/** Options of a backend that have options of their own. */

import type { LookupFunction } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import type { Complete } from './resolved.js';

/** What may be retried beside the cases that are always safe; idempotent requests only. */
export type RetryCondition = 'headers-timeout' | 429 | 500 | 502 | 503 | 504;

/** A token bucket for re-sends, shared by all requests of a backend. */
export interface RetryBudgetOptions {
  /** Tokens that each request adds, 0 to 1. @default 0.2 */
  readonly ratio?: number | undefined;
  /** Tokens that each second adds whatever the traffic, from 0; `Infinity` is no limit. @default 10 */
  readonly minPerSecond?: number | undefined;
}

/** How connections are dialled. */
export interface ConnectOptions {
  /** Sends small writes at once (TCP_NODELAY). @default true */
  readonly noDelay?: boolean | undefined;
  /** Milliseconds of silence before the kernel probes a connection, an integer from 1000 to 32767000. @default 30000 */
  readonly keepAliveInitialDelay?: number | undefined;
  /** Address of this host to dial from. @default the kernel's choice */
  readonly localAddress?: string | undefined;
  /** Resolves names, as `dns.lookup`. @default `dns.lookup` */
  readonly lookup?: LookupFunction | undefined;
  /** IP version of the addresses dialled: 4, 6, or 0 for both. @default 0 */
  readonly family?: 0 | 4 | 6 | undefined;
}

/** Which of the origins this process uses, of many processes that use the same ones. */
export interface SubsetOptions {
  /** How many, of those that are no backup and of those that are one: an integer from 1. */
  readonly size: number;
  /** Name of the process among its like, the same after a restart: of a pod, or of a host and a worker. */
  readonly id: string;
}

type Elsewhere = 'host' | 'port' | 'path' | 'socket' | 'lookup' | 'timeout';
type OfServers =
  | 'requestCert'
  | 'SNICallback'
  | 'ALPNCallback'
  | 'honorCipherOrder'
  | 'dhparam'
  | 'sessionIdContext'
  | 'sessionTimeout'
  | 'ticketKeys';

/** As `tls.connect`, but for where to connect to, and what has an effect on servers only. */
export type TlsOptions = Omit<ConnectionOptions, Elsewhere | OfServers>;

export type ResolvedRetryBudget = Complete<RetryBudgetOptions>;

export interface ResolvedConnect extends Complete<Omit<ConnectOptions, 'localAddress' | 'lookup'>> {
  readonly localAddress: string | undefined;
  readonly lookup: LookupFunction | undefined;
}
