/** Whether an origin takes requests, as its owner wants it; and promises for those who wait while that changes. */

/**
 * `serving`: takes requests, if it has weight. `draining`: takes none for now. `leaving`: takes none, and is closed when the
 * requests under way have ended.
 */
export type ServiceState = 'serving' | 'draining' | 'leaving' | 'closed';

/** The origin, as its service sees it. */
export interface ServedOrigin {
  /** Nothing is under way there. */
  readonly isQuiet: boolean;
  /** Closes the connections that its new state does not allow, and offers the others to waiting requests. */
  settle(): void;
  close(reason: 'drained'): void;
}

export class Service {
  readonly #origin: ServedOrigin;
  readonly #awaited = new Awaited();
  #state: ServiceState = 'serving';
  #served = 0; // how many times it was told to serve again

  constructor(origin: ServedOrigin) {
    this.#origin = origin;
  }

  get state(): ServiceState {
    return this.#state;
  }

  /** Takes requests again. */
  serve(): void {
    this.#served += 1;
    this.#become('serving');
  }

  /** Takes no requests. Resolves when nothing is under way, or when it serves again. */
  drain(): Promise<void> {
    this.#become('draining');
    return this.until(() => this.#origin.isQuiet || this.#state === 'serving');
  }

  /**
   * Takes no requests, and is closed when nothing is under way. Resolves then, or when it serves again. `closed` is called right
   * after the close, before any other code can find an origin that is closed.
   */
  async leave(closed: () => void): Promise<void> {
    this.#become('leaving');
    const served = this.#served;
    await this.until(() => this.#origin.isQuiet || this.#state !== 'leaving');
    // It has served again and was removed once more in the meantime: the later call waits for it and closes it.
    if (this.#state !== 'leaving' || served !== this.#served) return;
    this.#origin.close('drained');
    closed();
  }

  /** It is closed for good. */
  close(): void {
    this.#state = 'closed';
  }

  /** Resolves once the condition holds. */
  until(holds: () => boolean): Promise<void> {
    return this.#awaited.until(holds);
  }

  /** Something has changed that may be waited for. */
  look(): void {
    this.#awaited.look();
  }

  #become(state: ServiceState): void {
    if (this.#state === 'closed') return;
    this.#state = state;
    this.#origin.settle();
  }
}

interface Condition {
  readonly holds: () => boolean;
  readonly resolve: () => void;
}

/** Promises that wait for conditions: each resolves at the first `look()` at which its condition holds. */
class Awaited {
  #conditions: Condition[] = [];

  until(holds: () => boolean): Promise<void> {
    if (holds()) return Promise.resolve();
    return new Promise((resolve) => this.#conditions.push({ holds, resolve }));
  }

  /** Something has changed. */
  look(): void {
    if (this.#conditions.length === 0) return;
    const left: Condition[] = [];
    for (const condition of this.#conditions) {
      if (condition.holds()) condition.resolve();
      else left.push(condition);
    }
    this.#conditions = left;
  }
}
