/** What a mount needs from the backend that it belongs to. `MountSetting` is one. */

import type { ByteBudget } from '../client/byte-budget.js';
import type { Deadlines } from '../deadlines.js';
import type { Dispatching } from '../dispatch/request.js';
import type { ResolvedHandlerOptions, ResolvedOptions, ResolvedOrigin } from '../options.js';
import type { StickySessions } from './sticky-sessions.js';

/** The options of a backend that its mounts look at. */
export type MountedOptions = Pick<ResolvedOptions, 'replayBytes' | 'spoolBytes'>;

/** The two names of an origin: the library's, and its own. */
export type OriginNames = Pick<ResolvedOrigin, 'origin' | 'authority'>;

export interface MountedBackend {
  readonly dispatching: Dispatching;
  readonly options: MountedOptions;
  readonly deadlines: Deadlines;
  /** The current origins, including those being removed and those outside the subset. An origin may be there twice. */
  origins(): readonly OriginNames[];
  /** What all buffered request bodies may take together: `requestBufferTotalBytes`. */
  readonly requestBuffer: ByteBudget;
  /** The `sticky` sessions; absent if that option is off. */
  readonly sticky: StickySessions | undefined;
  /** What all responses read ahead of their clients may take together: `spoolTotalBytes`. */
  readonly spool: ByteBudget;
}

/** One mount, and the backend that it belongs to. */
export interface Mount {
  readonly backend: MountedBackend;
  /** Gets the requests: the dispatcher of the backend, or what stands in front of it. */
  readonly dispatching: Dispatching;
  readonly options: ResolvedHandlerOptions;
}
