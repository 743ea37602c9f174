/** What all mounts and calls of a backend share, by its current options. */

import { ByteBudget } from '../client/byte-budget.js';
import type { Dispatching, Tunnel } from '../dispatch/request.js';
import type { BackendError } from '../errors.js';
import type { ResponseHead } from '../http1/response-head.js';
import type { ResolvedHandlerOptions, ResolvedOptions, ResolvedOrigin } from '../options.js';
import type { Deadlines } from '../time/deadlines.js';
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
  readonly options: ResolvedHandlerOptions;
  /** Of a mount that is made for one upgrade. */
  readonly upgrading?: Upgrading;
}

/** An upgrade, as the relay of its request sees it. */
export interface Upgrading {
  /** Protocols that the origin may switch to: value of the Upgrade field. */
  readonly offer: string;
  /**
   * Keeps a 101, with its fields for the client, until the origin has switched. Returns false for any other head: it is relayed as usual.
   * @throws BackendError if a hook gave a field that cannot be written
   */
  tryKeep(head: ResponseHead, fields: readonly string[]): boolean;
  /** The origin has switched: the request is over, and the tunnel has to be begun, and to be ended. */
  switched(tunnel: Tunnel): void;
}

/** The `next` function of Express and Connect. */
export type Next = (error: BackendError) => void;
