/** What a status page needs of the backend that it shows. `PooledBackend` provides it. */

import type { EventEmitter } from 'node:events';
import type { BackendEvents } from '../events.js';
import type { BackendStats, OriginConnections } from '../stats.js';

/** What can be done to the origins of a backend. Unknown names and bad weights throw. */
export interface StatusOrigins {
  drain(url: string): Promise<void>;
  ready(url: string): void;
  setWeight(url: string, weight: number): void;
}

export interface StatusSource extends Pick<EventEmitter<BackendEvents>, 'on' | 'off'> {
  stats(): BackendStats;
  connections(): readonly OriginConnections[];
}
