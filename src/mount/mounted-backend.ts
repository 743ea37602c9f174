/** What all mounts and calls of a backend share, by its current options. */

import { ByteBudget } from '../client/byte-budget.js';
import type { Deadlines } from '../deadlines.js';
import type { Dispatching } from '../dispatch/request.js';
import type { ResolvedHandlerOptions, ResolvedOptions, ResolvedOrigin } from '../options.js';
import { StickySessions } from './sticky-sessions.js';

/** The two names of an origin: the library's, and its own. */
export type OriginNames = Pick<ResolvedOrigin, 'origin' | 'authority'>;

/** The origins that requests go to. */
export interface MountedFleet {
  /** The current origins, including those being removed and those outside the subset. An origin may be there twice. */
  origins(): readonly OriginNames[];
  /** Names of the origins that are not being removed: a new array whenever they change. */
  names(): readonly string[];
}

/** A backend, as its mounts see it. */
export class MountedBackend {
  readonly dispatching: Dispatching;
  readonly deadlines: Deadlines;
  /** What all buffered request bodies may take together: `requestBufferTotalBytes`. */
  readonly requestBuffer: ByteBudget;
  /** What all responses read ahead of their clients may take together: `spoolTotalBytes`. */
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

  /** The `sticky` sessions; absent if that option is off. */
  get sticky(): StickySessions | undefined {
    return this.#sticky;
  }

  /** Sets other options, which apply from the next request on. */
  configure(options: ResolvedOptions): void {
    this.#options = options;
    this.#sticky = options.sticky === false ? undefined : new StickySessions(options.sticky, () => this.#fleet.names());
  }

  /** As {@link MountedFleet.origins}. */
  origins(): readonly OriginNames[] {
    return this.#fleet.origins();
  }
}

/** One mount, and the backend that it belongs to. */
export interface Mount {
  readonly backend: MountedBackend;
  /** Gets the requests: the dispatcher of the backend, or the `Handshake` in front of it. */
  readonly dispatching: Dispatching;
  readonly options: ResolvedHandlerOptions;
}
