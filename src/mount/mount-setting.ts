/** What all mounts and calls of a backend share, by its current options. */

import { ByteBudget } from '../client/byte-budget.js';
import type { Deadlines } from '../deadlines.js';
import type { Dispatching } from '../dispatch/request.js';
import type { ResolvedOptions } from '../options.js';
import type { MountedBackend, OriginNames } from './mounted-backend.js';
import { StickySessions } from './sticky-sessions.js';

/** The origins that requests go to. */
export interface MountedFleet {
  /** The current origins, including those being removed and those outside the subset. */
  origins(): readonly OriginNames[];
  /** Names of the origins that are not being removed: a new array whenever they change. */
  names(): readonly string[];
}

export class MountSetting implements MountedBackend {
  readonly dispatching: Dispatching;
  readonly deadlines: Deadlines;
  readonly requestBuffer: ByteBudget;
  readonly spool: ByteBudget;
  readonly #fleet: MountedFleet;
  #options: ResolvedOptions;
  #sticky: StickySessions | undefined;

  constructor(options: ResolvedOptions, dispatching: Dispatching, deadlines: Deadlines, fleet: MountedFleet) {
    this.dispatching = dispatching;
    this.deadlines = deadlines;
    this.requestBuffer = new ByteBudget(options.requestBufferTotalBytes);
    this.spool = new ByteBudget(options.spoolTotalBytes);
    this.#fleet = fleet;
    this.#options = options;
    this.configure(options);
  }

  get options(): ResolvedOptions {
    return this.#options;
  }

  get sticky(): StickySessions | undefined {
    return this.#sticky;
  }

  /** Sets other options, which apply from the next request on. */
  configure(options: ResolvedOptions): void {
    this.#options = options;
    this.#sticky = options.sticky === false ? undefined : new StickySessions(options.sticky, () => this.#fleet.names());
  }

  origins(): readonly OriginNames[] {
    return this.#fleet.origins();
  }
}
