/** A backend as a status page sees it. The test controls it. */

import { EventEmitter } from 'node:events';
import type { BackendEvents } from '../../../src/observe/events.js';
import type { ConnectionStats } from '../../../src/origin/connection-stats.js';
import type { BackendStats, OriginConnections, OriginStats } from '../../../src/stats.js';
import { countStates, type OriginReport, type StatusReport } from '../../../src/status/report.js';
import type { StatusSource } from '../../../src/status/status-source.js';

export function originStats(changes: Partial<OriginStats> = {}): OriginStats {
  return {
    ...{ origin: 'http://a.test:80', service: 'serving', weight: 1, backup: false },
    connections: { open: 0, idle: 0, busy: 0, dialling: 0, spare: 0, checking: 0, max: 10 },
    ...{ dialled: 0, dialsFailed: 0, closed: {}, requests: 0, reused: 0, resent: {}, poisoned: 0 },
    stale: { found: 0, swept: 0 },
    idleLimitMs: { configured: 60_000, hinted: null, learned: null, effective: 60_000 },
    backoff: { state: 'ready', failures: 0, error: null, sinceMs: null },
    health: { state: 'healthy', ejections: 0, reason: null, sinceMs: null, share: 1 },
    ...{ check: null, concurrency: null },
    tunnels: { open: 0, opened: 0 },
    responses: { '2xx': 0, '3xx': 0, '4xx': 0, '5xx': 0, other: 0 },
    delivery: { unsent: 0, unknown: 0, answered: 0 },
    aborted: { unsent: 0, unknown: 0, answered: 0 },
    ...changes,
  };
}

export function backendStats(changes: Partial<BackendStats> = {}): BackendStats {
  return {
    ...{ state: 'open', origins: [originStats()], inFlight: 0 },
    queue: {
      ...{ length: 0, max: 10_000, waits: 0, overloaded: false },
      refused: { full: 0, hopeless: 0, displaced: 0, timeout: 0 },
    },
    discovery: null,
    spool: { bytes: 0, max: 1024 },
    requestBuffer: { bytes: 0, max: 1024 },
    ...changes,
  };
}

export function originReport(changes: Partial<OriginReport> = {}): OriginReport {
  return { ...originStats(), maxConnections: 10, slots: [], states: countStates([]), ...changes };
}

export function statusReport(changes: Partial<StatusReport> = {}): StatusReport {
  const process = { pid: 1, node: 'v20.0.0' };
  return { ...backendStats(), version: 1, title: 'shop', at: 0, process, origins: [originReport()], ...changes };
}

export class Source extends EventEmitter<BackendEvents> implements StatusSource {
  now: BackendStats = backendStats();
  slots: readonly ConnectionStats[] = [];

  stats(): BackendStats {
    return this.now;
  }

  connections(): readonly OriginConnections[] {
    return [{ origin: 'http://a.test:80', maxConnections: 10, connections: this.slots }];
  }

  /** Number of listeners of all events together. */
  get listening(): number {
    return this.eventNames().reduce((all, name) => all + this.listenerCount(name), 0);
  }

  answered(durationMs: number, origin = 'http://a.test:80'): void {
    const times = { durationMs, waitedMs: 0, connectMs: 0, responseMs: durationMs, sentBytes: 0, receivedBytes: 0 };
    this.emit('request', { request: 1, method: 'GET', path: '/', origin, statusCode: 200, attempts: 1, ...times });
  }
}
