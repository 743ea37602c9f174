/** A backend whose events and counts the test sets, with origins that come and go. */

import { EventEmitter } from 'node:events';
import type { BackendEvents, BackendStats, OriginStats } from 'pooled-backend';
import { MemoryBackend } from '../../memory-backend.js';

export class MeteredSource extends EventEmitter<BackendEvents> {
  origins: readonly OriginStats[];
  discovery: BackendStats['discovery'] = null;
  readonly #rest: BackendStats;

  constructor(stats: BackendStats) {
    super();
    this.#rest = stats;
    this.origins = stats.origins;
  }

  /** Begins with the counts of a backend in which nothing has happened. */
  static async create(...origins: string[]): Promise<MeteredSource> {
    const { stats } = await MemoryBackend.open({ origins });
    return new MeteredSource(stats);
  }

  stats(): BackendStats {
    return { ...this.#rest, origins: this.origins, discovery: this.discovery };
  }

  /** Sets how often an origin was dialled. Other counts stay. */
  dialled(origin: string, dialled: number): void {
    this.origins = this.origins.map((one) => (one.origin === origin ? { ...one, dialled } : one));
  }

  remove(origin: string): OriginStats | undefined {
    const gone = this.origins.find((one) => one.origin === origin);
    this.origins = this.origins.filter((one) => one !== gone);
    this.emit('originChanged', { origin, change: 'removed', weight: 1 });
    return gone;
  }

  add(origin: OriginStats): void {
    this.origins = [...this.origins, origin];
    this.emit('originChanged', { origin: origin.origin, change: 'added', weight: 1 });
  }

  answered(origin: string, statusCode: number, durationMs: number, method = 'GET'): void {
    const times = { durationMs, waitedMs: 0, connectMs: 0, responseMs: durationMs, sentBytes: 0, receivedBytes: 0 };
    this.emit('request', { request: 1, method, path: '/secret', origin, statusCode, attempts: 1, ...times });
  }
}
