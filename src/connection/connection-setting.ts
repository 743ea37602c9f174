/** What a connection is given when it is made. */

import type { ParserLimits } from '../http1/parser-limits.js';
import type { RepeatedHead } from '../http1/repeated-head.js';
import type { Clock } from '../time/clock.js';
import type { Deadlines } from '../time/deadlines.js';

/** What a connection needs from the backend it lives in. */
export interface ConnectionSetting {
  readonly origin: string;
  readonly secure: boolean;
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly limits: ParserLimits;
  /** Shared by all connections of the origin, because they read the same heads. */
  readonly repeated: RepeatedHead;
}
