/** What an origin is created with. */

import type { ConnectionOptions } from 'node:tls';
import type { Clock } from '../clock.js';
import type { StartDial } from '../connection/dial.js';
import type { Deadlines } from '../deadlines.js';
import type { Observer } from '../observe.js';
import type { LiveOptions, ResolvedConnect } from '../options.js';

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
