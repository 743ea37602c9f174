/** The default and the bounds of every option, one row for each, with the text for the documentation. */

import { adaptiveConcurrencyRule } from './adaptive-concurrency.js';
import { readBalance } from './balance.js';
import { bytes, callable, count, duration, integer, oneOf, orFalse, pause } from './checks.js';
import { connectRule } from './connect.js';
import { MOST_CONNECTIONS, readConnections } from './connections.js';
import { dnsRule, type OriginsOption, originsRule } from './discovery.js';
import { ejectionRule } from './ejection.js';
import { checkRule } from './health-check.js';
import type { IdempotentOption } from './hooks.js';
import { loggerRule } from './logger.js';
import { travel } from './non-idempotent.js';
import type { ResolvedOptions } from './resolved.js';
import { retryBudgetRule, retryOnRule } from './retry.js';
import { type OptionRow, type OptionsOf, option, rowsOf, rulesOf } from './row.js';
import { optional, type Rules, withDefault } from './rules.js';
import { stickyRule } from './sticky.js';
import { subsetRule } from './subset.js';
import { tlsRule } from './tls.js';

/** The options after each was checked, before they are compared with each other. */
export interface OptionSection extends Omit<ResolvedOptions, 'origins' | 'maxFreshConnections'> {
  readonly origins: OriginsOption | undefined;
  readonly maxFreshConnections: number | undefined;
}

const options: OptionsOf<OptionSection> = {
  origins: option(
    originsRule,
    'URLs (`http:` or `https:`; no path, query or userinfo), or objects `{ url, host, weight, backup, socketPath, maxConnections }`; or a function or async iterable that gives such lists',
    'required',
  ),
  originsInterval: option(withDefault(pause, 30_000), 'ms between two calls of the function `origins`'),
  dns: option(
    dnsRule,
    "instead of `origins`: looks them up in DNS, again and again: `{ name, type, port, protocol, host, interval, servers }`; `type` is `'A'`, `'AAAA'` or `'SRV'`",
    'none',
  ),
  subset: option(
    subsetRule,
    '`{ size, id }`: uses only as many origins as `size` says, and as many backups: those that rank highest for the process named `id`',
    'all',
  ),
  maxConnections: option(
    (name, value = 100) => readConnections(name, value),
    'most sockets per origin, of every kind; 1 to 65535; or for many processes together: `{ total }` in a cluster, else `{ total, workers }`',
  ),
  minConnections: option(
    withDefault(integer(0, MOST_CONNECTIONS), 0),
    'connections kept open per origin; at most `maxConnections`',
  ),
  nonIdempotent: option(
    withDefault(travel, 'fresh'),
    "which connections a request that is not idempotent may use: `'fresh'` those that never carried a request; `'verified'` also a reused one that is proven, young and checked; `'any'` any that passes the check",
  ),
  maxFreshConnections: option(
    optional(integer(1, MOST_CONNECTIONS)),
    'slots per origin that fresh requests may hold at once; at most `maxConnections`',
    'maxConnections',
  ),
  spareConnections: option(
    withDefault(orFalse(integer(1, MOST_CONNECTIONS)), 4),
    "unused connections per origin dialled in advance while there is `'fresh'` traffic; or `false`",
  ),
  idempotent: option(
    optional(callable<IdempotentOption>()),
    '`({ method, path, fields }) => boolean` overrides the method in both directions; `undefined` leaves it to the method',
    'by method',
  ),
  idempotencyKey: option(
    withDefault(oneOf(false, 'honoured'), false),
    "`'honoured'`: the origins remove duplicates by Idempotency-Key, so a request that has one and can be sent again counts as idempotent",
  ),
  maxQueue: option(withDefault(count(0), 10_000), 'requests that may wait for a connection; then 503'),
  queueTimeout: option(
    withDefault(duration, 5000),
    'ms to wait for a connection; then 503, or the error of a failed dial',
  ),
  maxDialling: option(
    withDefault(count(1), Number.POSITIVE_INFINITY),
    'dials to one origin that may be in progress at once; requests wait for those',
  ),
  connectTimeout: option(withDefault(duration, 5000), 'ms for one dial, TCP and TLS together'),
  sendTimeout: option(
    withDefault(duration, 60_000),
    'longest time in ms in which the origin takes no byte of the request; then 504',
  ),
  headersTimeout: option(
    withDefault(duration, 60_000),
    'ms from the end of the request to the final response head; then 504',
  ),
  bodyTimeout: option(
    withDefault(duration, 60_000),
    'ms of silence between two pieces of a response body; not counted while we pause it, nor for `text/event-stream`',
  ),
  clientTimeout: option(
    withDefault(duration, 60_000),
    'longest time in ms in which a client that holds a connection neither takes nor sends a byte; then both ends are destroyed',
  ),
  requestTimeout: option(
    withDefault(duration, Number.POSITIVE_INFINITY),
    'ms for the whole request, with waits and retries; then 504',
  ),
  keepAliveTimeout: option(
    withDefault(duration, 60_000),
    "ms that a connection may be idle and still be reused; lowered by the origin's Keep-Alive field and by what was learned",
  ),
  maxRequestsPerConnection: option(
    withDefault(count(1), Number.POSITIVE_INFINITY),
    'exchanges after which a connection is retired',
  ),
  maxConnectionAge: option(
    withDefault(duration, Number.POSITIVE_INFINITY),
    'ms after which a connection is retired, shortened at random',
  ),
  maxAttempts: option(
    withDefault(integer(1, 100), 3),
    'exchanges begun for one request; at most one of them because the outcome of another is unknown',
  ),
  retryOn: option(
    retryOnRule,
    "what else idempotent requests are retried for: `'headers-timeout'`, 429, 500, 502, 503, 504",
  ),
  retryBudget: option(
    retryBudgetRule,
    're-sends allowed: a share of the requests, and a number per second whatever the traffic',
  ),
  replayBytes: option(
    withDefault(bytes(), 65_536),
    'bytes of a request body kept to send it again; a longer body is sent once',
  ),
  requestBufferBytes: option(
    withDefault(orFalse(bytes(1)), 65_536),
    'bytes up to which a request body is read completely before a connection is taken; `false` streams every body',
  ),
  requestBufferTotalBytes: option(
    withDefault(count(0), 67_108_864),
    'bytes of all bodies buffered that way; beyond it they stream',
  ),
  spoolBytes: option(withDefault(bytes(), 262_144), 'bytes of a response read ahead of a slow client'),
  spoolTotalBytes: option(withDefault(count(0), 67_108_864), 'bytes read ahead of all clients together'),
  maxHeaderBytes: option(withDefault(integer(128, 1_048_576), 16_384), 'bytes of a response head, and of its trailers'),
  balance: option(
    readBalance,
    "how an origin is chosen: `'least-busy'`, `'round-robin'`, `'two-choices'`, `'first'`, `{ type: 'hash', key }`, or an object with `pick(candidates, request)`",
  ),
  sticky: option(
    stickyRule,
    'keeps a client at the origin that answered it, by a cookie: `{ cookie, path, domain, sameSite, secure, maxAge, secret }`; or `false`',
  ),
  ejection: option(
    ejectionRule,
    'passive health: failures in a row that eject an origin, ms of the first ejection and of the longest, share of the origins that may be out at once, statuses that are failures, and outliers by success rate or latency: `{ window, requests, origins, deviations, margin, slowness }`',
  ),
  check: option(
    checkRule,
    "active health: `{ type, method, path, host, expect, interval, timeout, rise, fall, fastInterval }`; `type` is `'http'`, `'tcp'` or `'tls'`; or `false`",
  ),
  slowStart: option(
    withDefault(orFalse(pause), false),
    'ms in which an origin that is back grows to its whole share; or `false`',
  ),
  adaptiveConcurrency: option(
    adaptiveConcurrencyRule,
    'gives an origin that becomes slow fewer requests at once: `{ min, tolerance, window }`; or `false`',
  ),
  connect: option(
    connectRule,
    'how to dial; also `localAddress`, `lookup`, `family`',
    '{ noDelay: true, keepAliveInitialDelay: 30000 }',
  ),
  tls: option(tlsRule, "as for `tls.connect`; SNI is the origin's host name unless there is a `servername`"),
  logger: option(
    loggerRule,
    'an object with `debug`, `info`, `warn` and `error`, each called with details and a message',
    'none',
  ),
};

/** How each option of a backend is read. */
export const optionRules: Rules<OptionSection> = rulesOf(options);

/** Every option of a backend, for the documentation. */
export const optionTable: readonly OptionRow[] = rowsOf(options);
