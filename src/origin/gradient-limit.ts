/** How many requests an origin may have at once, learned from how long it takes to answer them. */

import type { ResolvedAdaptiveConcurrency } from '../options.js';
import type { Clock } from '../time/clock.js';

/** Limit of concurrent requests to an origin, and the latencies it is based on. */
export interface GradientSnapshot {
  /** Maximum number of concurrent requests: an integer from 1 to `maxConnections`. */
  readonly limit: number;
  /** Mean latency of the last window in milliseconds; `null` before the first has ended. */
  readonly latencyMs: number | null;
  /** Usual latency in milliseconds; `null` before the first window has ended. */
  readonly usualLatencyMs: number | null;
}

// The constants of the source.
const SAMPLES_PER_WINDOW = 10;
const SMOOTHING = 0.2;
const QUEUE = 4; // requests that may wait inside the origin before it counts as slow: with them the limit grows
const LEAST_GRADIENT = 0.5;
const USUAL_WINDOWS = 600;
const WARM_UP_WINDOWS = 10;
const FORGETTING = 0.95; // factor of the usual latency, when the origin has become more than twice as fast

/**
 * At the end of each window the limit becomes `limit × gradient + 4`, smoothed. A window with too few samples goes on. The
 * gradient is `tolerance × usual ÷ latency`, from ½ to 1: 1 while the origin answers as fast as usual, less when requests begin
 * to wait inside it. The usual latency is the mean of the last 600 windows, so a load that lasts becomes usual in time. The limit
 * begins at its maximum. It does not change while less than half of it is used: latency then says nothing about concurrency.
 *
 * Source: `Gradient2Limit` and `WindowedLimit` of Netflix's concurrency-limits,
 * https://github.com/Netflix/concurrency-limits, described in "Performance Under Load", Netflix Technology Blog, 2018.
 */
export class GradientLimit {
  #options: ResolvedAdaptiveConcurrency;
  readonly #clock: Clock;
  #most: number;
  #estimate = Number.POSITIVE_INFINITY; // learned; may be above the maximum, which may become larger again. Infinity = nothing limits
  #latencyMs: number | undefined;
  #usualMs = 0;
  #windows = 0; // that have ended
  #windowEnd: number;
  #samples = 0;
  #sumMs = 0;
  #mostBusy = 0;

  /** `most` is what the limit begins with and never exceeds. */
  constructor(options: ResolvedAdaptiveConcurrency, most: number, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
    this.#most = most;
    this.#windowEnd = clock.now() + options.window;
  }

  /** A whole number, at least 1. */
  get limit(): number {
    return Math.floor(this.#bounded(this.#estimate));
  }

  get snapshot(): GradientSnapshot {
    const { limit } = this;
    if (this.#latencyMs === undefined) return { limit, latencyMs: null, usualLatencyMs: null };
    return { limit, latencyMs: this.#latencyMs, usualLatencyMs: this.#usualMs };
  }

  /** Sets other options and another maximum. What was learned stays. */
  configure(options: ResolvedAdaptiveConcurrency, most: number): void {
    this.#options = options;
    this.#most = most;
  }

  /** A request was answered after `latencyMs`; with it, `busy` requests were under way. True = the limit has changed. */
  observe(latencyMs: number, busy: number, now = this.#clock.now()): boolean {
    this.#samples += 1;
    this.#sumMs += latencyMs;
    if (busy > this.#mostBusy) this.#mostBusy = busy;
    if (now < this.#windowEnd || this.#samples < SAMPLES_PER_WINDOW) return false;
    const before = this.limit;
    this.#endWindow(this.#sumMs / this.#samples, this.#mostBusy);
    this.#windowEnd = now + this.#options.window;
    this.#samples = 0;
    this.#sumMs = 0;
    this.#mostBusy = 0;
    return this.limit !== before;
  }

  #endWindow(latencyMs: number, mostBusy: number): void {
    this.#latencyMs = latencyMs;
    this.#learnUsual(latencyMs);
    const before = this.#bounded(this.#estimate);
    if (mostBusy < before / 2) return;
    const ratio = latencyMs > 0 ? (this.#options.tolerance * this.#usualMs) / latencyMs : 1;
    const gradient = Math.max(LEAST_GRADIENT, Math.min(1, ratio));
    const wanted = before * gradient + QUEUE;
    const estimate = this.#bounded(before * (1 - SMOOTHING) + wanted * SMOOTHING);
    if (estimate < this.#most) this.#estimate = estimate;
    else if (before < this.#most) this.#estimate = Number.POSITIVE_INFINITY;
  }

  #learnUsual(latencyMs: number): void {
    this.#windows += 1;
    if (this.#windows <= WARM_UP_WINDOWS) this.#usualMs += (latencyMs - this.#usualMs) / this.#windows;
    else this.#usualMs += ((latencyMs - this.#usualMs) * 2) / (USUAL_WINDOWS + 1);
    if (this.#usualMs > latencyMs * 2) this.#usualMs *= FORGETTING;
  }

  #bounded(limit: number): number {
    return Math.min(this.#most, Math.max(Math.min(this.#options.min, this.#most), limit));
  }
}
