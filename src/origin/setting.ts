/** What an origin is created with. */

import type { ConnectionOptions } from 'node:tls';
import type { Clock } from '../clock.js';
import type { StartDial } from '../connection/dial.js';
import type { Deadlines } from '../deadlines.js';
import type { Observer } from '../observe.js';
import type { ResolvedAdaptiveConcurrency, ResolvedCheck, ResolvedConnect } from '../options.js';
import type { StandingOptions } from './health/standing.js';

/** What all origins of a backend share. Times in milliseconds. Settings that may change are read each time they are needed. */
export interface OriginSetting {
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly observer: Observer;
  readonly random: () => number;
  readonly startDial: StartDial;
  readonly maxHeaderBytes: number;
  readonly connect: ResolvedConnect;
  readonly tls: ConnectionOptions;
  readonly connectTimeout: number;
  readonly maxDialling: number;
  readonly keepAliveTimeout: number;
  readonly minConnections: number;
  readonly spareConnections: number | false;
  readonly maxRequestsPerConnection: number;
  readonly maxConnectionAge: number;
  readonly ejection: StandingOptions;
  readonly check: ResolvedCheck | false;
  readonly slowStart: number | false;
  readonly adaptiveConcurrency: ResolvedAdaptiveConcurrency | false;
  /** Whether requests may be bound to an origin; see `Origin.serves`. */
  readonly sticky: object | false;
}
