/** The idle age at which an origin closes connections, learned from what it does. */

import type { Clock } from '../time/clock.js';

/** The age, as it was known at the moment `at`. */
interface Learned {
  readonly ageMs: number;
  readonly at: number;
}

/** Closes that came within a second of the first. */
interface Burst {
  readonly at: number; // moment of the first close, or of the last if the ages differ
  ageMs: number | undefined; // the smallest; undefined = no idle timer made these closes
}

const LARGEST_MARGIN_MS = 1000;
const BURST_MS = 1000;
const BURSTS_KEPT = 4;
const DOUBLING_MS = 60_000;
// Two ages agree within 20 %, or within 10 ms. The milliseconds are for the smallest ages, which are as uncertain as a turn of
// two event loops: an origin that closes after 0 to 10 ms has a timer of about 0 ms.
const AGREEING_SHARE = 0.2;
const AGREEING_MS = 10;
// Zero would stay zero, however often it is doubled.
const SMALLEST_LEARNED_MS = 1;
// A success raises the age by a quarter. Then the same age is no longer near the limit: a hundred connections that are reused at
// the same age raise it only once.
const RAISE = 1.25;
const NEAR_SHARE = 0.9;

/**
 * One close proves little, and a restart closes all connections at once, so it takes two closes that agree and are a second apart. Closes
 * within one second whose ages differ are a restart, and do not count. Closes at an age that another connection outlives do not count
 * either. The same is true of closes just before a dial that fails: in a busy pool, all connections that a crash or a restart ends have been
 * idle for a moment. A 408 is the origin's own word and counts at once. A success near the limit raises what was learned by a quarter. A
 * minute without evidence doubles it, until it is above the longest age that matters and is forgotten.
 */
export class LearnedAge {
  readonly #clock: Clock;
  readonly #longestMs: () => number;
  #learned: Learned | undefined;
  #bursts: Burst[] = []; // newest last

  /** `longestMs`: the greatest age of an idle connection, whatever the origin does. */
  constructor(clock: Clock, longestMs: () => number) {
    this.#clock = clock;
    this.#longestMs = longestMs;
  }

  /** The origin closed a connection that had been idle for `idleMs`. */
  closedAt(idleMs: number): void {
    const now = this.#clock.now();
    this.#confirm(idleMs, now);
    const last = this.#latest;
    if (last !== undefined) {
      this.#bursts[this.#bursts.length - 1] = joined(last, idleMs, now);
      return;
    }
    for (const burst of this.#bursts) {
      if (agrees(burst.ageMs, idleMs)) this.#lowerTo(Math.min(idleMs, burst.ageMs), now);
    }
    this.#bursts.push({ at: now, ageMs: idleMs });
    if (this.#bursts.length > BURSTS_KEPT) this.#bursts.shift();
  }

  /** The origin sent a 408 on a connection that had been idle for `idleMs`. */
  answered408(idleMs: number): void {
    const now = this.#clock.now();
    this.#confirm(idleMs, now);
    this.#lowerTo(idleMs, now);
  }

  /** A connection that had been idle for `idleMs` was reused, and its request was answered. */
  reused(idleMs: number): void {
    for (const burst of this.#bursts) if (outlives(idleMs, burst.ageMs)) burst.ageMs = undefined;
    if (this.#learned === undefined) return;
    const now = this.#clock.now();
    const ageMs = this.#ageMs(now);
    if (ageMs === undefined || idleMs < withMargin(ageMs) * NEAR_SHARE) return;
    this.#learned = { ageMs: ageMs * RAISE, at: now };
  }

  /** What the origin has just closed, it closed for another reason than its age. */
  discount(): void {
    const last = this.#latest;
    if (last !== undefined) last.ageMs = undefined;
  }

  /** Whether the origin has closed any connection within the last second. */
  get sawCloses(): boolean {
    return this.#latest !== undefined;
  }

  get #latest(): Burst | undefined {
    const last = this.#bursts.at(-1);
    return last !== undefined && this.#clock.now() - last.at < BURST_MS ? last : undefined;
  }

  /** The age in milliseconds; `undefined` if none is known that limits anything. */
  get ms(): number | undefined {
    return this.#learned === undefined ? undefined : this.#ageMs(this.#clock.now());
  }

  /** The greatest idle age at which a connection may be reused: the age, less a margin. `Infinity` = nothing was learned. */
  get limitMs(): number {
    const { ms } = this;
    return ms === undefined ? Number.POSITIVE_INFINITY : withMargin(ms);
  }

  /** What was learned, with the doublings since; `undefined` once it limits nothing. */
  #ageMs(now: number): number | undefined {
    if (this.#learned === undefined) return undefined;
    const { ageMs, at } = this.#learned;
    const grownMs = ageMs * 2 ** Math.floor((now - at) / DOUBLING_MS);
    return withMargin(grownMs) >= this.#longestMs() ? undefined : grownMs;
  }

  /** Evidence for the learned age: the minute after which it is doubled begins anew. */
  #confirm(idleMs: number, now: number): void {
    const learnedMs = this.#ageMs(now);
    if (agrees(learnedMs, idleMs)) this.#learned = { ageMs: learnedMs, at: now };
  }

  #lowerTo(idleMs: number, now: number): void {
    const ageMs = Math.max(idleMs, SMALLEST_LEARNED_MS);
    const knownMs = this.#ageMs(now);
    if (knownMs === undefined || ageMs < knownMs) this.#learned = { ageMs, at: now };
  }
}

/** The age minus the time that a request may need to arrive. */
export function withMargin(ageMs: number): number {
  return Math.max(0, ageMs - Math.min(LARGEST_MARGIN_MS, ageMs / 2));
}

/** Nothing agrees with an age that is not known. */
function agrees(knownMs: number | undefined, ms: number): knownMs is number {
  if (knownMs === undefined) return false;
  return Math.abs(ms - knownMs) <= Math.max(AGREEING_MS, AGREEING_SHARE * Math.max(ms, knownMs));
}

function outlives(idleMs: number, ageMs: number | undefined): boolean {
  return ageMs !== undefined && idleMs > ageMs && !agrees(ageMs, idleMs);
}

function joined(burst: Burst, idleMs: number, now: number): Burst {
  if (!agrees(burst.ageMs, idleMs)) return { at: now, ageMs: undefined };
  return { at: burst.at, ageMs: Math.min(idleMs, burst.ageMs) };
}
