/** What a call needs from the backend that it is made on. `MountedBackend` is one. */

import type { Dispatching } from '../dispatch/request.js';
import type { RequestTimeouts, ResolvedOptions, ResolvedOrigin } from '../options.js';
import type { Deadlines } from '../time/deadlines.js';

/** The options of a backend that its calls look at. */
export type CalledOptions = RequestTimeouts & Pick<ResolvedOptions, 'idempotent' | 'nonIdempotent' | 'replayBytes'>;

export interface CalledBackend {
  readonly dispatching: Dispatching;
  readonly options: CalledOptions;
  readonly deadlines: Deadlines;
  /** The current origins, including those being removed and those outside the subset. An origin may be there twice. */
  origins(): readonly Pick<ResolvedOrigin, 'origin'>[];
}
