/** The counts of a backend, with names as Prometheus recommends them: one row for each metric. */

import type { BackendStats, OriginStats } from 'pooled-backend';

/** One value with its labels, except `backend`. */
export type Sample = readonly [labels: Readonly<Record<string, string>>, value: number];

export interface StatMetric {
  /** The name without the prefix. */
  readonly name: string;
  readonly help: string;
  readonly kind: 'gauge' | 'counter';
  /** The labels, except `backend`. */
  readonly labels: readonly string[];
  /** How the values of the workers of a cluster are combined. By default they are added up. */
  readonly aggregator?: Aggregator;
  read(stats: BackendStats): Sample[];
}

type Aggregator = 'sum' | 'min' | 'max';

const MS_PER_SECOND = 1_000;

/** Several values for each origin, distinguished by one more label. */
function byOrigin(kind: StatMetric['kind'], name: string, help: string, label: string, read: Reader): StatMetric {
  const samples = (one: OriginStats): Sample[] =>
    Object.entries(read(one)).map(([value, count]) => [{ origin: one.origin, [label]: value }, count]);
  return { kind, name, help, labels: ['origin', label], read: ({ origins }) => origins.flatMap(samples) };
}
type Reader = (origin: OriginStats) => Readonly<Record<string, number>>;

/** One value for each origin. */
function ofOrigin(
  kind: StatMetric['kind'],
  name: string,
  help: string,
  read: (one: OriginStats) => number,
  aggregator: Aggregator = 'sum',
): StatMetric {
  const samples = (stats: BackendStats): Sample[] => stats.origins.map((one) => [{ origin: one.origin }, read(one)]);
  return { kind, name, help, labels: ['origin'], aggregator, read: samples };
}

/** One value for the backend. Without a value there is no sample. */
function ofBackend(
  kind: StatMetric['kind'],
  name: string,
  help: string,
  read: (all: BackendStats) => number | null | undefined,
  aggregator: Aggregator = 'sum',
): StatMetric {
  const samples = (stats: BackendStats): Sample[] => {
    const value = read(stats);
    return typeof value === 'number' ? [[{}, value]] : [];
  };
  return { kind, name, help, labels: [], aggregator, read: samples };
}

export const statMetrics: readonly StatMetric[] = [
  byOrigin('gauge', 'connections', 'Connections now, by state: each is in one.', 'state', ({ connections }) => {
    const { busy, idle, spare, dialling } = connections;
    return { busy, idle: idle - spare, spare, dialling };
  }),
  ofOrigin('gauge', 'connections_limit', 'Most connections that there may be.', (one) => one.connections.max),
  ofOrigin(
    'gauge',
    'tunnels',
    'Connections that have switched protocols, now: they count as busy.',
    (one) => one.tunnels.open,
  ),
  ofOrigin(
    'gauge',
    'idle_limit_seconds',
    'How long a connection may be idle and still be reused.',
    (one) => one.idleLimitMs.effective / MS_PER_SECOND,
    'min',
  ),
  ofOrigin(
    'gauge',
    'origin_healthy',
    '1 when the origin is trusted with requests, 0 when it is ejected or probed.',
    (one) => (one.health.state === 'healthy' ? 1 : 0),
    'min',
  ),
  ofOrigin(
    'gauge',
    'origin_reachable',
    '1 when the last dial did not fail, 0 while dials are in back-off.',
    (one) => (one.backoff.state === 'ready' ? 1 : 0),
    'min',
  ),
  ofBackend('gauge', 'requests_in_flight', 'Requests taken and not ended.', (all) => all.inFlight),
  ofBackend('gauge', 'queue_length', 'Requests that wait for a connection.', (all) => all.queue.length),
  ofBackend('gauge', 'queue_limit', 'Most requests that may wait.', (all) => all.queue.max),
  ofBackend(
    'gauge',
    'queue_overloaded',
    '1 while the newest waiters are served first.',
    (all) => (all.queue.overloaded ? 1 : 0),
    'max',
  ),
  ofBackend('gauge', 'spool_bytes', 'Bytes read ahead of slow clients.', (all) => all.spool.bytes),
  ofBackend('gauge', 'spool_limit_bytes', 'Most bytes that may be read ahead.', (all) => all.spool.max),
  ofBackend(
    'gauge',
    'request_buffer_bytes',
    'Bytes of request bodies that are held.',
    (all) => all.requestBuffer.bytes,
  ),
  ofBackend(
    'gauge',
    'request_buffer_limit_bytes',
    'Most bytes of request bodies that may be held.',
    (all) => all.requestBuffer.max,
  ),
  ofBackend('gauge', 'discovery_origins', 'Origins of the last good set.', (all) => all.discovery?.origins, 'max'),
  ofBackend(
    'gauge',
    'discovery_age_seconds',
    'How long ago the last good set was found.',
    ({ discovery }) => discovery?.foundMsAgo && discovery.foundMsAgo / MS_PER_SECOND,
    'max',
  ),
  ofBackend(
    'gauge',
    'discovery_failures',
    'Failures to find the origins in a row: 0 after a good set.',
    (all) => all.discovery?.failures,
    'max',
  ),
  ofBackend('counter', 'discovery_sets_total', 'Good sets of origins found.', (all) => all.discovery?.sets),
  ofBackend('counter', 'discovery_failures_total', 'Failures to find the origins.', (all) => all.discovery?.failed),
  ofOrigin('counter', 'connections_opened_total', 'Connections opened.', (one) => one.dialled),
  ofOrigin('counter', 'dial_failures_total', 'Dials that failed.', (one) => one.dialsFailed),
  byOrigin('counter', 'connections_closed_total', 'Connections closed, by reason.', 'reason', (one) => one.closed),
  byOrigin(
    'counter',
    'exchanges_total',
    'Exchanges begun, by whether the connection had carried one before.',
    'reused',
    (one) => ({
      true: one.reused,
      false: one.requests - one.reused,
    }),
  ),
  byOrigin('counter', 'resends_total', 'Requests sent again, by reason.', 'reason', (one) => one.resent),
  byOrigin(
    'counter',
    'stale_connections_total',
    'Idle connections found closed: when wanted, or by the sweep after that.',
    'by',
    (one) => ({
      checkout: one.stale.found,
      sweep: one.stale.swept,
    }),
  ),
  ofOrigin(
    'counter',
    'poisoned_connections_total',
    'Connections on which bytes came that nobody had asked for.',
    (one) => one.poisoned,
  ),
  ofOrigin('counter', 'tunnels_opened_total', 'Connections that have switched protocols.', (one) => one.tunnels.opened),
  byOrigin(
    'counter',
    'responses_total',
    'Final response heads, by class; those that were not forwarded included.',
    'status',
    (one) => one.responses,
  ),
  byOrigin(
    'counter',
    'failed_requests_total',
    'Failed requests, by whether they may have been processed; without those that clients gave up.',
    'delivery',
    ({ delivery, aborted }) => ({
      unsent: delivery.unsent - aborted.unsent,
      unknown: delivery.unknown - aborted.unknown,
      answered: delivery.answered - aborted.answered,
    }),
  ),
  byOrigin(
    'counter',
    'aborted_requests_total',
    'Requests that clients gave up, by whether they may have been processed.',
    'delivery',
    (one) => one.aborted,
  ),
  ofBackend('counter', 'queue_waits_total', 'Requests that have entered the queue.', (all) => all.queue.waits),
  {
    kind: 'counter',
    name: 'queue_refusals_total',
    help: 'Requests that the queue refused, by reason.',
    labels: ['reason'],
    read: ({ queue }) => Object.entries(queue.refused).map(([reason, count]) => [{ reason }, count]),
  },
];
