/** What a status page needs of the backend that it shows. `PooledBackend` provides it. */

import type { EventEmitter } from 'node:events';
import type { BackendEvents } from '../observe.js';
import type { BackendStats, OriginConnections } from '../stats.js';

export interface StatusSource extends Pick<EventEmitter<BackendEvents>, 'on' | 'off'> {
  stats(): BackendStats;
  connections(): readonly OriginConnections[];
}
