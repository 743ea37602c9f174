/** `backend.stats()`: what is happening and has happened, as plain frozen data. */

import type { Dispatcher } from './dispatch/dispatcher.js';
import type { WaitQueueStats } from './dispatch/queue/wait-queue.js';
import type { Delivery } from './errors.js';
import type { DiscoveryStats } from './fleet/discovery.js';
import type { MountedBackend } from './mount/mounted-backend.js';
import type { CloseReason, DownReason, EjectionReason, ResendReason } from './observe/reasons.js';
import type { ConnectionStats } from './origin/connection-stats.js';
import type { GradientSnapshot } from './origin/gradient-limit.js';
import type { CheckStats } from './origin/health/active-check.js';
import type { IdleLimitSnapshot } from './origin/idle-limit.js';
import type { Origin } from './origin/origin.js';

/**
 * Counts of one origin. Cumulative counters only grow; `dialled` minus the sum of `closed` is always
 * `connections.open`.
 */
export interface OriginStats {
  /** Name of the origin, as `scheme://host:port`. */
  readonly origin: string;
  /**
   * What you told it to do. `draining`: gets no new requests. `leaving`: removed, with requests still in progress. `closed`: its
   * backend is.
   */
  readonly service: 'serving' | 'draining' | 'leaving' | 'closed';
  /** Its weight, 0 to 256. With 0 it only gets requests of its `sticky` sessions. */
  readonly weight: number;
  /** Whether it is a backup. */
  readonly backup: boolean;
  /** Connections now. */
  readonly connections: {
    /** Open connections: `idle` + `busy`. */
    readonly open: number;
    /** Idle connections. */
    readonly idle: number;
    /** Connections in use, including tunnels. */
    readonly busy: number;
    /** Connections being opened. */
    readonly dialling: number;
    /** Idle connections that never carried a request; a part of `idle`. */
    readonly spare: number;
    /** Connections held by health checks. They count towards `max`. */
    readonly checking: number;
    /** Maximum number of connections: `maxConnections`. */
    readonly max: number;
  };
  /** Connections opened so far. */
  readonly dialled: number;
  /** Failed dials so far. */
  readonly dialsFailed: number;
  /**
   * Connections closed so far, by reason. `docs/observability.md` lists the reasons; `silent` = by the origin before a
   * byte of a response, `failed` = by the origin after a part of one.
   */
  readonly closed: Readonly<Partial<Record<CloseReason, number>>>;
  /** Exchanges started so far: a request that is sent again counts again. */
  readonly requests: number;
  /** Exchanges started on a connection that had carried one before; a part of `requests`. */
  readonly reused: number;
  /** Requests sent again so far, by reason. */
  readonly resent: Readonly<Partial<Record<ResendReason, number>>>;
  /** Idle connections found closed so far. */
  readonly stale: {
    /** When one was needed. */
    readonly found: number;
    /** When the other idle connections were checked right after that. */
    readonly swept: number;
  };
  /** Idle connections closed so far because bytes arrived that were not a response to any request. */
  readonly poisoned: number;
  /** Milliseconds a connection may be idle and still be reused, and where that comes from. */
  readonly idleLimitMs: IdleLimitSnapshot;
  /** Whether the origin can be dialled. */
  readonly backoff: {
    /** `ready`: yes. `waiting`: the last dial failed, and the next has to wait. `trial`: one dial is trying again. */
    readonly state: 'ready' | 'waiting' | 'trial';
    /** Failed dials in a row. */
    readonly failures: number;
    /** Message of the last failed dial; `null` if `ready`. */
    readonly error: string | null;
    /** Milliseconds since the first of these failures; `null` if `ready`. */
    readonly sinceMs: number | null;
  };
  /** Whether the origin gets requests. */
  readonly health: {
    /**
     * `healthy`; `ejected` for a while; `probing`, tried with one request or dial after that; `down` until its checks
     * pass.
     */
    readonly state: 'healthy' | 'ejected' | 'probing' | 'down';
    /** Recent ejections. They are forgotten after a healthy period. */
    readonly ejections: number;
    /** Why it is not healthy; `null` if it is. */
    readonly reason: EjectionReason | DownReason | null;
    /**
     * Milliseconds since it was ejected or went down or, if healthy, since it came back; `null` if it never was out.
     */
    readonly sinceMs: number | null;
    /** Part of its share of the requests it gets now: below 1 while `slowStart` lasts. */
    readonly share: number;
  };
  /** Results of its health checks; `null` without the option `check`. */
  readonly check: CheckStats | null;
  /** Its limit of concurrent requests; `null` without the option `adaptiveConcurrency`. */
  readonly concurrency: GradientSnapshot | null;
  /** Connections that have switched protocols (101), such as WebSockets. */
  readonly tunnels: {
    /** Open now; they count as `busy`. */
    readonly open: number;
    /** Opened so far. */
    readonly opened: number;
  };
  /** Final responses so far by class of status, including those that were not forwarded. 101 counts as `other`. */
  readonly responses: Readonly<Record<'2xx' | '3xx' | '4xx' | '5xx' | 'other', number>>;
  /** Failed requests so far, by whether the origin may have processed them. */
  readonly delivery: Readonly<Record<Delivery, number>>;
  /** The part of `delivery` whose client left or whose caller gave up. */
  readonly aborted: Readonly<Record<Delivery, number>>;
}

/** The connections of one origin. */
export interface OriginConnections {
  /** Name of the origin, as `scheme://host:port`. */
  readonly origin: string;
  /** Maximum number of connections. */
  readonly maxConnections: number;
  /** Connections that are open or being opened, by slot. */
  readonly connections: readonly ConnectionStats[];
}

/** State of a backend at one moment. */
export interface BackendStats {
  /** `draining` after `close()` was called; `closed` when that is done. */
  readonly state: 'open' | 'draining' | 'closed';
  /** All origins, including removed ones with requests still in progress. */
  readonly origins: readonly OriginStats[];
  /** Requests accepted and not finished yet. */
  readonly inFlight: number;
  /** Requests waiting for a connection. */
  readonly queue: WaitQueueStats;
  /** State of the search for origins; `null` if they are configured. */
  readonly discovery: DiscoveryStats | null;
  /** Response bytes read ahead of slow clients. */
  readonly spool: {
    /** Bytes now. */
    readonly bytes: number;
    /** Limit: `spoolTotalBytes`. */
    readonly max: number;
  };
  /** Buffered request bodies. */
  readonly requestBuffer: {
    /** Bytes now. */
    readonly bytes: number;
    /** Limit: `requestBufferTotalBytes`. */
    readonly max: number;
  };
}

export function takeStats(
  dispatcher: Dispatcher,
  mounted: MountedBackend,
  discovery: DiscoveryStats | null = null,
): BackendStats {
  const now = dispatcher.clock.now();
  return deepFreeze({
    state: dispatcher.state,
    origins: dispatcher.origins.map((origin) => originStats(origin, now)),
    inFlight: dispatcher.inFlight,
    queue: dispatcher.queue.stats,
    discovery,
    spool: { bytes: mounted.spool.used, max: mounted.spool.limit },
    requestBuffer: { bytes: mounted.requestBuffer.used, max: mounted.requestBuffer.limit },
  });
}

export function listConnections(origins: readonly Origin[]): readonly OriginConnections[] {
  const lists = origins.map(({ name, options, connections }) => {
    return Object.freeze({ origin: name, maxConnections: options.maxConnections, connections });
  });
  return Object.freeze(lists);
}

function originStats(one: Origin, now: number): OriginStats {
  const { name, options, tally, counts, idleLimit, backoff, standing, checks, concurrency } = one;
  const { idle, busy, dialling, spare } = counts;
  return {
    origin: name,
    service: one.service.state,
    weight: options.weight,
    backup: options.backup,
    connections: {
      open: idle + busy,
      idle,
      busy,
      dialling,
      spare,
      checking: checks.slots,
      max: options.maxConnections,
    },
    dialled: tally.dialled,
    dialsFailed: tally.dialsFailed,
    closed: { ...tally.closed },
    requests: tally.requests,
    reused: tally.reused,
    resent: { ...tally.resent },
    stale: { found: tally.staleFound, swept: tally.staleSwept },
    poisoned: tally.poisoned,
    idleLimitMs: { ...idleLimit.snapshot },
    backoff: backoffStats(backoff.state, now),
    health: healthStats(standing, now),
    check: checks.stats,
    concurrency: concurrency.snapshot,
    tunnels: { ...tally.tunnels },
    responses: { ...tally.responses },
    delivery: { ...tally.delivery },
    aborted: { ...tally.aborted },
  };
}

function backoffStats(state: Origin['backoff']['state'], now: number): OriginStats['backoff'] {
  if (state.name === 'ready') return { state: 'ready', failures: 0, error: null, sinceMs: null };
  return { state: state.name, failures: state.failures, error: state.lastError.message, sinceMs: now - state.since };
}

function healthStats({ state, ejections, share }: Origin['standing'], now: number): OriginStats['health'] {
  const sinceMs = state.since === Number.NEGATIVE_INFINITY ? null : now - state.since;
  return { state: state.name, ejections, reason: reasonOf(state), sinceMs, share };
}

function reasonOf(state: Origin['standing']['state']): OriginStats['health']['reason'] {
  switch (state.name) {
    case 'healthy':
      return null;
    case 'probing':
      return state.probe.reason;
    case 'ejected':
    case 'down':
      return state.reason;
  }
}

function deepFreeze<T extends object>(value: T): T {
  for (const part of Object.values(value)) if (typeof part === 'object' && part !== null) deepFreeze(part);
  return Object.freeze(value);
}
