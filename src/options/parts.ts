/** Options of a backend that have options of their own. */

import type { LookupFunction } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import type { Complete } from './rules.js';

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

/** The options of `tls.connect`, except those that say where to connect and those that only affect servers. */
export type TlsOptions = Omit<ConnectionOptions, Elsewhere | OfServers>;

export type ResolvedRetryBudget = Complete<RetryBudgetOptions>;

export interface ResolvedConnect extends Complete<Omit<ConnectOptions, 'localAddress' | 'lookup'>> {
  readonly localAddress: string | undefined;
  readonly lookup: LookupFunction | undefined;
}
