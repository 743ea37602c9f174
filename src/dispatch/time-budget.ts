/** How long one request may take, and how much of that it may spend waiting for connections. */

import { BackendError } from '../errors.js';
import { type Deadlines, Expiring } from '../time/deadlines.js';

export interface TimeBudgetListener {
  waitedOut(): void;
  tookTooLong(): void;
}

/** In milliseconds. */
interface Timeouts {
  readonly queueTimeout: number;
  readonly requestTimeout: number;
}

/** While the request waits, its deadline is the end of the wait; otherwise the end of `requestTimeout`. */
export class TimeBudget extends Expiring {
  /** The moment from which its time runs. */
  readonly begunAt: number;
  readonly #timeouts: Timeouts;
  readonly #listener: TimeBudgetListener;
  #waitingSince: number | undefined;
  #waitedBeforeMs: number | undefined; // in waits that are over
  #connectMs: number | undefined;

  /** `begunAt`: the moment from which `requestTimeout` runs, if the request has waited for its body or a hook before. */
  constructor(timeouts: Timeouts, deadlines: Deadlines, listener: TimeBudgetListener, begunAt?: number) {
    super(deadlines);
    this.#timeouts = timeouts;
    this.#listener = listener;
    const now = deadlines.clock.now();
    this.begunAt = begunAt ?? now;
    if (timeouts.requestTimeout !== Number.POSITIVE_INFINITY) this.set(this.leftMs(now), now);
  }

  /** Whether the request waits for a connection. */
  get waits(): boolean {
    return this.#waitingSince !== undefined;
  }

  /** Milliseconds spent waiting for connections so far, over all waits. */
  waitedMs(now = this.#now): number {
    const before = this.#waitedBeforeMs ?? 0;
    return this.#waitingSince === undefined ? before : before + now - this.#waitingSince;
  }

  /** Milliseconds of these waits during which the connections that it got were being dialled. */
  get connectMs(): number {
    return this.#connectMs ?? 0;
  }

  /** Milliseconds that it may still wait. Exchanges do not count, only waits. */
  waitLeftMs(now = this.#now): number {
    return Math.max(0, Math.min(this.#timeouts.queueTimeout - this.waitedMs(now), this.leftMs(now)));
  }

  /** Milliseconds until `requestTimeout` is over. */
  leftMs(now = this.#now): number {
    return this.begunAt + this.#timeouts.requestTimeout - now;
  }

  startWait(): void {
    const now = this.#now;
    this.#waitingSince ??= now;
    this.set(this.waitLeftMs(now), now);
  }

  /** The request got a connection, which was being dialled from `dialledAt` to `openedAt`. `now` is the present moment. */
  endWait(dialledAt: number, openedAt: number, now: number): void {
    if (this.#waitingSince === undefined) return;
    this.#connectMs = this.connectMs + Math.max(0, openedAt - Math.max(dialledAt, this.#waitingSince));
    this.#waitedBeforeMs = this.waitedMs(now);
    this.#waitingSince = undefined;
    this.set(this.leftMs(now), now);
  }

  get #now(): number {
    return this.deadlines.clock.now();
  }

  expire(): void {
    if (this.leftMs() <= 0) this.#listener.tookTooLong();
    else this.#listener.waitedOut();
  }
}

/** The error of a request whose `requestTimeout` is over. */
export function tookTooLongError(requestTimeout: number): BackendError {
  return new BackendError('http_response_timeout', `not answered within the ${requestTimeout} ms of the request`);
}
