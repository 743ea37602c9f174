/** What an origin is created with. */

import type { ConnectionOptions } from 'node:tls';
import type { StartDial } from '../connection/dial.js';
import type { Observer } from '../observe/observer.js';
import type { LiveOptions, ResolvedConnect } from '../options.js';
import type { Clock } from '../time/clock.js';
import type { Deadlines } from '../time/deadlines.js';

/** What all origins of a backend share. */
export interface OriginSetting extends LiveOptions {
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly observer: Observer;
  readonly random: () => number;
  readonly startDial: StartDial;
  readonly connect: ResolvedConnect;
  readonly tls: ConnectionOptions;
}
