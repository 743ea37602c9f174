/** `backend.stats()`: what is happening and has happened, as plain frozen data. */

import type { Dispatcher } from './dispatch/dispatcher.js';
import type { WaitQueueStats } from './dispatch/wait-queue.js';
import type { Delivery } from './errors.js';
import type { DiscoveryStats } from './fleet/discovery.js';
import type { MountedBackend } from './mount/mounted-backend.js';
import type { CheckStats } from './origin/active-check.js';
import type { ConnectionStats } from './origin/connection-stats.js';
import type { GradientSnapshot } from './origin/gradient-limit.js';
import type { IdleLimitSnapshot } from './origin/idle-limit.js';
import type { Origin } from './origin/origin.js';

/** One origin. Counters grow for ever; `dialled` − sum of `closed` = `connections.open` at every moment. */
export interface OriginStats {
  /** `scheme://host:port`. */
  readonly origin: string;
  /** What its owner made of it: `leaving` is one that was removed, while requests are under way there. */
  readonly service: 'serving' | 'draining' | 'leaving' | 'closed';
  /** 0 to 256; one of weight 0 gets no requests but those of its sessions. */
  readonly weight: number;
  /** It gets requests only while no other can. */
  readonly backup: boolean;
  /** Connections now. */
  readonly connections: {
    /** `idle` + `busy`. */
    readonly open: number;
    /** That wait for a request. */
    readonly idle: number;
    /** That carry a request, or have become a tunnel. */
    readonly busy: number;
    /** That are being opened. */
    readonly dialling: number;
    /** The part of `idle` that never carried a request. */
    readonly spare: number;
    /** Held by checks. They count towards `max` as all others do. */
    readonly checking: number;
    /** How many there may be: `maxConnections`. */
    readonly max: number;
  };
  /** Connections opened so far. */
  readonly dialled: number;
  /** Dials that failed so far. */
  readonly dialsFailed: number;
  /** Connections closed so far, by reason. */
  readonly closed: Readonly<Record<string, number>>;
  /** Exchanges begun so far: a request that is sent again counts again. */
  readonly requests: number;
  /** Those of them on a connection that had carried one before. */
  readonly reused: number;
  /** Requests sent again, by reason. */
  readonly resent: Readonly<Record<string, number>>;
  /** Idle connections found closed so far. */
  readonly stale: {
    /** When one was wanted. */
    readonly found: number;
    /** By the look at its neighbours that follows. */
    readonly swept: number;
  };
  /** Connections on which bytes came that nobody had asked for. */
  readonly poisoned: number;
  /** Milliseconds that a connection may be idle and still be reused; `null` = nothing hinted or learned. */
  readonly idleLimitMs: IdleLimitSnapshot;
  /** Whether it can be dialled. */
  readonly backoff: {
    /** `ready`; `waiting` until it may be tried again; `trial` while one dial is. */
    readonly state: string;
    /** Dials that failed in a row. */
    readonly failures: number;
    /** Message of the last one; `null` when it can be dialled. */
    readonly error: string | null;
    /** Milliseconds since the first of them; `null` when it can be dialled. */
    readonly sinceMs: number | null;
  };
  /** Whether it is trusted with requests. */
  readonly health: {
    /** `healthy`; `ejected` for a while; `probing` by one request after that; `down` until its checks pass. */
    readonly state: string;
    /** How often it was ejected, as far as that is not forgotten. */
    readonly ejections: number;
    /** Why it is not trusted; `null` when it is. */
    readonly reason: string | null;
    /** Milliseconds since it was ejected, or since it is back; `null` when it was never ejected. */
    readonly sinceMs: number | null;
    /** What it gets of its share: less than 1 for `slowStart` ms after it came back. */
    readonly share: number;
  };
  /** Its checks; `null` without the option `check`. */
  readonly check: CheckStats | null;
  /** How many requests it may have at once, and why; `null` without the option `adaptiveConcurrency`. */
  readonly concurrency: GradientSnapshot | null;
  /** Connections that have switched protocols (a 101). */
  readonly tunnels: {
    /** Now, where they count as `busy`. */
    readonly open: number;
    /** So far. */
    readonly opened: number;
  };
  /** Final heads so far by class of status, those that were not forwarded included; a 101 is under `other`. */
  readonly responses: Readonly<Record<'2xx' | '3xx' | '4xx' | '5xx' | 'other', number>>;
  /** Failed requests by whether they may have been processed. */
  readonly delivery: Readonly<Record<Delivery, number>>;
  /** Those of `delivery` whose client left, or whose caller gave up: no fault of the origin, unless it was slow. */
  readonly aborted: Readonly<Record<Delivery, number>>;
}

/** The connections of one origin, one by one. */
export interface OriginConnections {
  /** `scheme://host:port`. */
  readonly origin: string;
  /** How many there may be. */
  readonly maxConnections: number;
  /** Those that are open or being opened, by slot. */
  readonly connections: readonly ConnectionStats[];
}

/** A backend at one moment. */
export interface BackendStats {
  /** `draining` since `close()` was called; `closed` once it is done. */
  readonly state: 'open' | 'draining' | 'closed';
  /** Those that there are, and those that leave while requests are under way there. */
  readonly origins: readonly OriginStats[];
  /** Requests taken and not ended. */
  readonly inFlight: number;
  /** Requests that wait for a connection. */
  readonly queue: WaitQueueStats;
  /** How finding the origins goes; `null` where they are given. */
  readonly discovery: DiscoveryStats | null;
  /** Responses that were read ahead of slow clients. */
  readonly spool: {
    /** Bytes now. */
    readonly bytes: number;
    /** `spoolTotalBytes`. */
    readonly max: number;
  };
  /** Bodies of requests that wait for a connection. */
  readonly requestBuffer: {
    /** Bytes now. */
    readonly bytes: number;
    /** `requestBufferTotalBytes`. */
    readonly max: number;
  };
}

export function takeStats(
  origins: readonly Origin[],
  dispatcher: Dispatcher,
  mounted: MountedBackend,
  discovery: DiscoveryStats | null = null,
): BackendStats {
  const now = dispatcher.clock.now();
  return deepFreeze({
    state: dispatcher.state,
    origins: origins.map((origin) => originStats(origin, now)),
    inFlight: dispatcher.inFlight,
    queue: dispatcher.queueStats,
    discovery,
    spool: { bytes: mounted.spool.used, max: mounted.spool.limit },
    requestBuffer: { bytes: mounted.requestBuffer.used, max: mounted.requestBuffer.limit },
  });
}

export function listConnections(origins: readonly Origin[]): readonly OriginConnections[] {
  const lists = origins.map(({ address, connections }) => {
    return Object.freeze({ origin: address.origin, maxConnections: address.maxConnections, connections });
  });
  return Object.freeze(lists);
}

function originStats(one: Origin, now: number): OriginStats {
  const { address, tally, counts, idleLimit, backoff, standing, guard } = one;
  const { idle, busy, dialling, spare } = counts;
  return {
    origin: address.origin,
    service: one.service.state,
    weight: address.weight,
    backup: address.backup,
    connections: {
      open: idle + busy,
      idle,
      busy,
      dialling,
      spare,
      checking: guard.checking,
      max: address.maxConnections,
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
    check: guard.checks,
    concurrency: guard.concurrency,
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

function reasonOf(state: Origin['standing']['state']): string | null {
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
