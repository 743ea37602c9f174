/** Whether the server of an origin is shutting down, judged by the connections that it closes. */

import type { CloseReason } from '../observe/reasons.js';
import type { Clock } from '../time/clock.js';
import type { PoolEntry } from './pool-entry.js';

/** Milliseconds in which a dying process closes its listening socket, and the connections that it has not accepted. */
export const SHUTDOWN_MS = 50;

const BY_THE_SERVER: ReadonlySet<CloseReason> = new Set(['stale', 'silent', 'failed']);

export class ShutdownDetector {
  readonly #clock: Clock;
  #closed = 0; // connections that the server closed
  #closedAt = Number.NEGATIVE_INFINITY; // moment at which it closed the last one
  #closedBeforeAnswer = 0; // how many of them before the last answered request was sent

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Whether the server itself is shutting down, not only closing a connection. If no request that was sent since was answered,
   * several closed connections mean `yes`, and one means `perhaps`. A dying process may still take dials into its backlog, and
   * drops them a moment later, their requests unread. When that moment has passed, the closes were those of an idle timer.
   */
  get likely(): 'yes' | 'perhaps' | 'no' {
    if (this.#clock.now() - this.#closedAt >= SHUTDOWN_MS) return 'no';
    const closed = this.#closed - this.#closedBeforeAnswer;
    if (closed > 1) return 'yes';
    return closed === 1 ? 'perhaps' : 'no';
  }

  /** A request is about to be sent. */
  requestBegun(entry: PoolEntry): void {
    entry.closedWhenLent = this.#closed;
  }

  /** A final head came. If its request was sent before other connections were closed, it does not show that the server lives on. */
  answered({ closedWhenLent }: PoolEntry): void {
    this.#closedBeforeAnswer = Math.max(this.#closedBeforeAnswer, closedWhenLent);
  }

  closed(reason: CloseReason): void {
    if (!BY_THE_SERVER.has(reason)) return;
    this.#closed += 1;
    this.#closedAt = this.#clock.now();
  }
}
