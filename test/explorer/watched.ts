/** Parts of the backend that show their plans for later: two states are equal only if these are equal too. */

import { type Balancer, compareLoad } from '../../src/balance/balancer.js';
import { leastBusy } from '../../src/balance/least-busy.js';
import type { DialPurpose } from '../../src/origin/dial-purpose.js';
import { Origin } from '../../src/origin/origin.js';
import { ManualClock } from '../../src/testing/index.js';
import type { Timer } from '../../src/time/clock.js';
import { type Deadline, Deadlines } from '../../src/time/deadlines.js';

/** Knows all waits, except deadlines. */
export class WatchedClock extends ManualClock {
  readonly #waits = new Set<number[]>();

  override after(ms: number, call: () => void): Timer {
    const wait = [this.now() + ms];
    this.#waits.add(wait);
    const timer = super.after(ms, () => {
      this.#waits.delete(wait);
      call();
    });
    return {
      cancel: () => {
        this.#waits.delete(wait);
        timer.cancel();
      },
    };
  }

  /** For the single timer of all deadlines, whose moments are known already. */
  unwatchedAfter(ms: number, call: () => void): Timer {
    return super.after(ms, call);
  }

  /** Ends of the waits, in the order in which the waits began. */
  get waits(): number[] {
    return [...this.#waits].flat();
  }
}

/** Knows all deadlines. */
export class WatchedDeadlines extends Deadlines {
  readonly #all: Deadline[] = [];

  constructor(clock: WatchedClock) {
    super({
      now: () => clock.now(),
      wallNow: () => clock.wallNow(),
      after: (ms, call) => clock.unwatchedAfter(ms, call),
      soon: (call) => clock.soon(call),
    });
  }

  override create(expire: () => void): Deadline {
    const deadline = super.create(expire);
    this.#all.push(deadline);
    return deadline;
  }

  /** Moments of the deadlines that are set, in the order in which the deadlines were made. */
  get moments(): number[] {
    return this.#all.map(({ at }) => at).filter(Number.isFinite);
  }
}

/** Knows the purpose of each dial. */
export class WatchedOrigin extends Origin {
  /** Called after each dial that is for requests. */
  onDial: (purpose: DialPurpose) => void = () => {};

  override dial(purpose: DialPurpose): void {
    super.dial(purpose);
    this.onDial(purpose);
  }
}

/** `'least-busy'`, in which equal origins take turns. */
export class WatchedBalancer implements Balancer {
  readonly #real = leastBusy();
  #ties = 0;

  pick(...asked: Parameters<Balancer['pick']>): number {
    const [[first, ...others]] = asked;
    if (first !== undefined && others.every((other) => compareLoad(first, other) === 0)) this.#ties += 1;
    return this.#real.pick(...asked);
  }

  /** Whose turn it is, among this many origins of equal weight. */
  turn(origins: number): number {
    return this.#ties % origins;
  }
}
