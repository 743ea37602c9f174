/** A request body that can be given out more than once. */

import type { BodySource } from '../connection/body-source.js';
import type { BackendError } from '../errors.js';
import type { RequestFraming } from '../http1/request-head.js';

/** The request that a body belongs to. */
export interface BodyWatcher {
  /** The body will never be complete. */
  bodyFailed(error: BackendError): void;
}

/** A body that can be given to one target after another, each time from its first byte, with backpressure. */
export interface ReplayBody extends BodySource {
  /** Another `begin()` would give every byte from the first. */
  readonly replayable: boolean;
  /** The body is known to be longer than what is kept: once it was given out, no further pass will be possible. */
  readonly willBeSpent: boolean;
  /** The most bytes that any target was given, counted from the first byte of the body. */
  readonly givenBytes: number;
  /** Tells `watcher` if the body fails while it has no target that can be told; at once if it has failed before. */
  watch(watcher: BodyWatcher): void;
  /** The body is not needed any more: there will be no further pass. */
  abandon(): void;
}

/** What marks the end of a body. */
export function framingOf(body: ReplayBody | undefined): RequestFraming {
  if (body === undefined) return { kind: 'none' };
  return body.length === undefined ? { kind: 'chunked' } : { kind: 'length', bytes: body.length };
}
