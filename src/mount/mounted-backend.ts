/** What a mount needs of the backend that it belongs to. `PooledBackend` provides it. */

import type { Deadlines } from '../deadlines.js';
import type { Dispatching } from '../dispatch/request.js';
import type { ResolvedOptions } from '../options.js';
import type { ByteBudget } from './byte-budget.js';

/** The options of a backend that its mounts look at. */
export type MountedOptions = Pick<
  ResolvedOptions,
  | 'bodyTimeout'
  | 'headersTimeout'
  | 'idempotent'
  | 'nonIdempotent'
  | 'queueTimeout'
  | 'replayBytes'
  | 'requestTimeout'
  | 'sendTimeout'
  | 'spoolBytes'
>;

export interface MountedBackend {
  readonly dispatching: Dispatching;
  readonly options: MountedOptions;
  readonly deadlines: Deadlines;
  /** What all buffered request bodies may take together: `requestBufferTotalBytes`. */
  readonly requestBuffer: ByteBudget;
  /** What all responses read ahead of their clients may take together: `spoolTotalBytes`. */
  readonly spool: ByteBudget;
}
