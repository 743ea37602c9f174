/** How long an idle connection to one origin may safely be reused: what was configured, announced and learned. */

import type { Clock } from '../clock.js';

export interface IdleLimitSetting {
  /** The greatest age of an idle connection in milliseconds, whatever the origin says. `Infinity` is no limit. May change. */
  readonly keepAliveTimeout: number;
  readonly clock: Clock;
}

/** How long an idle connection may be reused, in milliseconds, and where that comes from. */
export interface IdleLimitSnapshot {
  /** The option `keepAliveTimeout`. */
  readonly configured: number;
  /** What the origin announces in its Keep-Alive field; `null` if nothing. */
  readonly hinted: number | null;
  /** The idle time after which the origin was seen to close connections; `null` if none is known. */
  readonly learned: number | null;
  /** The limit in use: the smallest of the three, with a safety margin on `hinted` and `learned`. */
  readonly effective: number;
}

/** The idle age at which the origin closes connections, as it was known at the moment `at`. */
interface Learned {
  readonly ageMs: number;
  readonly at: number;
}

/** Closes that came within a second of the first. */
interface Burst {
  readonly at: number; // moment of the first close, or of the last if the ages differ
  ageMs: number | undefined; // the smallest; undefined = no idle timer made these closes
}

/** How long a spare is kept: a server waits only so long for the first request. Milliseconds. */
export const SPARE_MS = 5_000;

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
 * `min(configured, announced − margin, learned − margin)`, where the margin is a second or half of the age. Ages are
 * compared when a connection is checked out, since timers run late exactly when sockets are stale.
 *
 * Learned is the idle age at which the origin was seen to close connections. One close proves little, and a restart closes all
 * connections at once, so it takes two closes that agree and are a second apart. Closes within one second whose ages differ are a
 * restart, and do not count. Closes at an age that another connection outlives do not count either. The same is true of closes
 * just before a dial that fails: in a busy pool, all connections that a crash or a restart ends have been idle for a moment. A 408
 * is the origin's own word and counts at once. A success near the limit raises what was learned by a quarter. A minute without
 * evidence doubles it, until it is above the configured limit and is forgotten.
 */
export class IdleLimit {
  readonly #setting: IdleLimitSetting;
  readonly #clock: Clock;
  #hintedMs: number | undefined;
  #learned: Learned | undefined;
  #bursts: Burst[] = []; // newest last

  constructor(setting: IdleLimitSetting) {
    this.#setting = setting;
    this.#clock = setting.clock;
  }

  /** The origin announced how long it keeps an idle connection (`Keep-Alive: timeout`). The latest counts. */
  hint(timeoutMs: number): void {
    this.#hintedMs = timeoutMs;
  }

  /** The origin closed a connection that had been idle for `idleMs`. */
  closedAt(idleMs: number): void {
    const now = this.#clock.now();
    this.#confirm(idleMs, now);
    const last = this.#bursts.at(-1);
    if (last !== undefined && now - last.at < BURST_MS) {
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
    const ageMs = this.#learnedMs(now);
    if (ageMs === undefined || idleMs < withMargin(ageMs) * NEAR_SHARE) return;
    this.#learned = { ageMs: ageMs * RAISE, at: now };
  }

  /** A dial failed: the origin is gone, and this is why it has just closed its connections. */
  unreachable(): void {
    const last = this.#bursts.at(-1);
    if (last !== undefined && this.#clock.now() - last.at < BURST_MS) last.ageMs = undefined;
  }

  /** The greatest idle age, in milliseconds, at which a connection may be reused. 0 = it may only be handed on at once. */
  get effectiveMs(): number {
    const hintedMs = this.#hintedMs === undefined ? Number.POSITIVE_INFINITY : withMargin(this.#hintedMs);
    if (this.#learned === undefined) return Math.min(this.#setting.keepAliveTimeout, hintedMs);
    const learnedMs = this.#learnedMs(this.#clock.now()) ?? Number.POSITIVE_INFINITY;
    return Math.min(this.#setting.keepAliveTimeout, hintedMs, withMargin(learnedMs));
  }

  /**
   * The greatest age, in milliseconds, at which any request may use this connection. What the origin says, and what was learned, is about
   * the time after an answer: for the first request servers have another timeout.
   */
  mostMs({ fresh }: { readonly fresh: boolean }): number {
    return fresh ? Math.max(this.effectiveMs, Math.min(SPARE_MS, this.#setting.keepAliveTimeout)) : this.effectiveMs;
  }

  get snapshot(): IdleLimitSnapshot {
    return {
      configured: this.#setting.keepAliveTimeout,
      hinted: this.#hintedMs ?? null,
      learned: this.#learnedMs(this.#clock.now()) ?? null,
      effective: this.effectiveMs,
    };
  }

  /** What was learned, with the doublings since; undefined once it limits no more than the configured age does. */
  #learnedMs(now: number): number | undefined {
    if (this.#learned === undefined) return undefined;
    const { ageMs, at } = this.#learned;
    const grownMs = ageMs * 2 ** Math.floor((now - at) / DOUBLING_MS);
    return withMargin(grownMs) >= this.#setting.keepAliveTimeout ? undefined : grownMs;
  }

  /** Evidence for the learned age: the minute after which it is doubled begins anew. */
  #confirm(idleMs: number, now: number): void {
    const learnedMs = this.#learnedMs(now);
    if (agrees(learnedMs, idleMs)) this.#learned = { ageMs: learnedMs, at: now };
  }

  #lowerTo(idleMs: number, now: number): void {
    const ageMs = Math.max(idleMs, SMALLEST_LEARNED_MS);
    const knownMs = this.#learnedMs(now);
    if (knownMs === undefined || ageMs < knownMs) this.#learned = { ageMs, at: now };
  }
}

/** The age minus the time that a request may need to arrive. */
function withMargin(ageMs: number): number {
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
