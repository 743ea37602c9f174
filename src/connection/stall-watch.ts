/** The two silences of an origin: it takes nothing of the request, or it sends nothing. */

import type { Deadline, Deadlines } from '../time/deadlines.js';

export interface StallListener {
  /** The origin took no byte for `ms` milliseconds. */
  sendingStalled(ms: number): void;
  /** The origin sent no byte for `ms` milliseconds. */
  receivingStalled(ms: number): void;
}

export class StallWatch {
  readonly #sending: Deadline;
  readonly #receiving: Deadline;
  #sendTimeoutMs = Number.POSITIVE_INFINITY;
  #receiveTimeoutMs = Number.POSITIVE_INFINITY;

  constructor(deadlines: Deadlines, listener: StallListener) {
    this.#sending = deadlines.create(() => listener.sendingStalled(this.#sendTimeoutMs));
    this.#receiving = deadlines.create(() => listener.receivingStalled(this.#receiveTimeoutMs));
  }

  /** A request begins. */
  begin(sendTimeoutMs: number): void {
    this.#sendTimeoutMs = sendTimeoutMs;
  }

  /** The origin has just taken something, or is offered something; `waitingBytes` are not taken yet. */
  sent(waitingBytes: number): void {
    if (waitingBytes > 0) this.#sending.set(this.#sendTimeoutMs);
    else clear(this.#sending);
  }

  /** More was offered. The clock runs already if something waited before. */
  offered(waitingBytes: number): void {
    if (waitingBytes > 0 && !this.#sending.isSet) this.#sending.set(this.#sendTimeoutMs);
  }

  /** It is the origin's turn to send something, from now on. */
  expectBytes(ms: number, now?: number): void {
    this.#receiveTimeoutMs = ms;
    this.#receiving.set(ms, now);
  }

  /** The origin may be silent, because we do not read, or because it owes nothing. */
  expectNothing(): void {
    clear(this.#receiving);
  }

  stop(): void {
    clear(this.#sending);
    clear(this.#receiving);
  }
}

function clear(deadline: Deadline): void {
  if (deadline.isSet) deadline.clear();
}
