/** A request body that can be given out more than once. */

import type { BodySource } from '../connection/body-source.js';
import type { BackendError } from '../errors.js';
import type { RequestFraming } from '../http1/request-head.js';

/** The connection that sends a body. */
export interface BodyWatcher {
  /** It will never be complete. */
  bodyFailed(error: BackendError): void;
}

/** Gives itself to one target after another, each time from its first byte, with backpressure. */
export interface ReplayBody extends BodySource {
  /** Another `begin()` would give every byte from the first. */
  readonly replayable: boolean;
  /** It is known to be longer than what is kept: no further pass will be possible once it is given out. */
  readonly willBeSpent: boolean;
  /** The most that a target was given of it, from the first byte on. */
  readonly givenBytes: number;
  /** Tells `watcher` when it fails while no target is there to be told; at once when it has failed before. */
  watch(watcher: BodyWatcher): void;
  /** The body is not needed any more: there will be no further pass. */
  abandon(): void;
}

/** How the end of a body is told. */
export function framingOf(body: ReplayBody | undefined): RequestFraming {
  if (body === undefined) return { kind: 'none' };
  return body.length === undefined ? { kind: 'chunked' } : { kind: 'length', bytes: body.length };
}
