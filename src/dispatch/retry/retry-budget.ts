/** How many re-sends the traffic can bear: a token bucket, so that an outage is not answered with twice the load. */

import type { ResolvedRetryBudget } from '../../options.js';
import type { Clock } from '../../time/clock.js';

const WINDOW_SECONDS = 10;
const SMALLEST_CAPACITY = 100;

/**
 * Starts full, with 100 tokens. Can hold as many as the requests of the last ten seconds have brought, and at least 100: a
 * burst of failures may use up what the traffic just before it has earned, but not what the traffic of last night has.
 */
export class RetryBudget {
  #ratio = 0;
  #minPerSecond = 0;
  #unlimited = false;
  readonly #clock: Clock;
  readonly #requests = new Float64Array(WINDOW_SECONDS); // a ring, with one place for each second
  #windowRequests = 0; // their sum
  #second: number; // the second that is being counted
  #refilledAt: number;
  #tokens = SMALLEST_CAPACITY;

  constructor(options: ResolvedRetryBudget, clock: Clock) {
    this.#clock = clock;
    this.#refilledAt = clock.now();
    this.#second = Math.floor(this.#refilledAt / 1000);
    this.configure(options);
  }

  /** Sets other limits; the tokens that were earned stay. */
  configure({ ratio, minPerSecond }: ResolvedRetryBudget): void {
    if (!this.#unlimited) this.#refill(this.#clock.now());
    this.#ratio = ratio;
    this.#minPerSecond = minPerSecond;
    this.#unlimited = minPerSecond === Number.POSITIVE_INFINITY;
    this.#refilledAt = this.#clock.now();
  }

  /** A request has come. Called once for each request, not for its re-sends. */
  deposit(now: number): void {
    if (this.#unlimited) return;
    this.#refill(now);
    const place = this.#second % WINDOW_SECONDS;
    this.#requests[place] = (this.#requests[place] ?? 0) + 1;
    this.#windowRequests += 1;
    this.#tokens += this.#ratio; // the next refill cuts it to the capacity
  }

  /** Takes a token for one re-send; false when there is none. */
  tryWithdraw(): boolean {
    if (this.#unlimited) return true;
    this.#refill(this.#clock.now());
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  get #capacity(): number {
    return Math.max(SMALLEST_CAPACITY, this.#ratio * this.#windowRequests);
  }

  #refill(now: number): void {
    this.#forgetUntil(Math.floor(now / 1000));
    const earned = (this.#minPerSecond * (now - this.#refilledAt)) / 1000;
    this.#refilledAt = now;
    this.#tokens = Math.min(this.#tokens + earned, this.#capacity);
  }

  #forgetUntil(second: number): void {
    const gone = Math.min(second - this.#second, WINDOW_SECONDS);
    for (let step = 1; step <= gone; step += 1) {
      const place = (this.#second + step) % WINDOW_SECONDS;
      this.#windowRequests -= this.#requests[place] ?? 0;
      this.#requests[place] = 0;
    }
    this.#second = second;
  }
}
