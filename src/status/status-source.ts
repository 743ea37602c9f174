/** What a status page needs of the backend that it shows. `PooledBackend` provides it. */

import type { BackendEmitter } from '../observe/events.js';
import type { BackendStats, OriginConnections } from '../stats.js';

/** What can be done to the origins of a backend. Unknown names and bad weights throw. */
export interface StatusOrigins {
  drain(url: string): Promise<void>;
  ready(url: string): void;
  setWeight(url: string, weight: number): void;
}

export interface StatusSource extends Pick<BackendEmitter, 'on' | 'off'> {
  stats(): BackendStats;
  connections(): readonly OriginConnections[];
}
