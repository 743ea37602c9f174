/** How long one request may take, and how much of that it may spend waiting for connections. */

import type { Deadline, Deadlines } from '../deadlines.js';

export interface PatienceListener {
  waitedOut(): void;
  tookTooLong(): void;
}

/** In milliseconds. */
interface Timeouts {
  readonly queueTimeout: number;
  readonly requestTimeout: number;
}

export class Patience {
  readonly startedAt: number;
  readonly #deadlines: Deadlines;
  readonly #timeouts: Timeouts;
  readonly #listener: PatienceListener;
  #queueDeadline: Deadline | undefined; // made with the first wait: most requests never wait
  #requestDeadline: Deadline | undefined;
  #waitingSince: number | undefined;
  #waitedBeforeMs = 0;
  /** The part of the waits in which the connections that it got were being dialled. */
  connectMs = 0;

  constructor(timeouts: Timeouts, deadlines: Deadlines, listener: PatienceListener) {
    this.startedAt = deadlines.clock.now();
    this.#timeouts = timeouts;
    this.#deadlines = deadlines;
    this.#listener = listener;
    if (timeouts.requestTimeout !== Number.POSITIVE_INFINITY) this.#limit();
  }

  #limit(): void {
    this.#requestDeadline = this.#deadlines.create(() => this.#listener.tookTooLong());
    this.#requestDeadline.set(this.#timeouts.requestTimeout);
  }

  /** Milliseconds spent waiting for connections so far, over all waits. */
  get waitedMs(): number {
    return (
      this.#waitedBeforeMs + (this.#waitingSince === undefined ? 0 : this.#deadlines.clock.now() - this.#waitingSince)
    );
  }

  /** Milliseconds that it may still wait. Exchanges do not count, only waits. */
  get waitLeftMs(): number {
    return Math.max(0, Math.min(this.#timeouts.queueTimeout - this.waitedMs, this.leftMs));
  }

  /** Milliseconds until it has taken too long. */
  get leftMs(): number {
    return this.startedAt + this.#timeouts.requestTimeout - this.#deadlines.clock.now();
  }

  wait(): void {
    this.#waitingSince ??= this.#deadlines.clock.now();
    this.#queueDeadline ??= this.#deadlines.create(() => this.#listener.waitedOut());
    this.#queueDeadline.set(this.waitLeftMs);
  }

  /** It got a connection, which was being dialled between these moments. */
  endWait(dialledAt: number, openedAt: number): void {
    if (this.#waitingSince === undefined) return;
    this.connectMs += Math.max(0, openedAt - Math.max(dialledAt, this.#waitingSince));
    this.#waitedBeforeMs = this.waitedMs;
    this.#waitingSince = undefined;
    this.#queueDeadline?.clear();
  }

  end(): void {
    this.#queueDeadline?.clear();
    this.#requestDeadline?.clear();
  }
}
