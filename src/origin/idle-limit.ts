/** How long an idle connection to one origin may safely be reused: what was configured, announced and learned. */

import type { ResolvedOptions } from '../options.js';
import type { Clock } from '../time/clock.js';
import { LearnedAge, withMargin } from './learned-age.js';

export interface IdleLimitSetting {
  /** `keepAliveTimeout`: the greatest age of an idle connection in milliseconds, whatever the origin says. `Infinity` is no limit. */
  readonly options: Pick<ResolvedOptions, 'keepAliveTimeout'>;
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

/** How long a spare is kept at most: a server waits only so long for the first request. Milliseconds. */
export const SPARE_MS = 5_000;

/** An origin that keeps idle connections at all keeps them for so long. Milliseconds. */
export const YOUNG_MS = 1_000;

/**
 * `min(configured, announced − margin, learned − margin)`. Ages are compared when a connection is checked out, since timers run late exactly
 * when sockets are stale.
 */
export class IdleLimit {
  /** The age at which the origin closes connections after an answer. */
  readonly used: LearnedAge;
  /** The same for connections that never carried a request: for the first one servers have another timeout. */
  readonly unused: LearnedAge;
  readonly #setting: IdleLimitSetting;
  #hintedMs: number | undefined;
  #closedYoungAt = Number.NEGATIVE_INFINITY;

  constructor(setting: IdleLimitSetting) {
    this.#setting = setting;
    this.used = new LearnedAge(setting.clock, () => setting.options.keepAliveTimeout);
    this.unused = new LearnedAge(setting.clock, () => SPARE_MS);
  }

  /** The origin announced how long it keeps an idle connection (`Keep-Alive: timeout`). The latest counts. */
  hint(timeoutMs: number): void {
    this.#hintedMs = timeoutMs;
  }

  /** A dial failed: the origin is gone, and this is why it has just closed its connections. */
  unreachable(): void {
    this.used.discount();
    this.unused.discount();
  }

  /** The origin closed a connection that had been idle for `idleMs`. Its timer for the first request closes unused ones only; a restart all. */
  closedAt(idleMs: number, { fresh }: { readonly fresh: boolean }): void {
    if (!fresh) {
      if (idleMs < YOUNG_MS) this.#closedYoungAt = this.#setting.clock.now();
      this.used.closedAt(idleMs);
      this.unused.discount();
    } else if (!this.used.sawCloses) this.unused.closedAt(idleMs);
  }

  /** Whether a connection that has just been used is likely to stay open: the origin has not closed one of that age within the last second. */
  keepsYoung(now: number): boolean {
    return now - this.#closedYoungAt >= YOUNG_MS;
  }

  /** The greatest idle age, in milliseconds, at which a connection may be reused. 0 = it may only be handed on at once. */
  get effectiveMs(): number {
    const hintedMs = this.#hintedMs === undefined ? Number.POSITIVE_INFINITY : withMargin(this.#hintedMs);
    return Math.min(this.#setting.options.keepAliveTimeout, hintedMs, this.used.limitMs);
  }

  /** The greatest age, in milliseconds, at which a spare may carry a request that must not be sent twice. */
  get spareMs(): number {
    return Math.min(SPARE_MS, this.unused.limitMs);
  }

  /**
   * The greatest age, in milliseconds, at which any request may use this connection. What the origin says, and what was learned, is about
   * the time after an answer: for the first request servers have another timeout.
   */
  mostMs({ fresh }: { readonly fresh: boolean }): number {
    const { effectiveMs } = this;
    return fresh ? Math.max(effectiveMs, Math.min(SPARE_MS, this.#setting.options.keepAliveTimeout)) : effectiveMs;
  }

  get snapshot(): IdleLimitSnapshot {
    return {
      configured: this.#setting.options.keepAliveTimeout,
      hinted: this.#hintedMs ?? null,
      learned: this.used.ms ?? null,
      effective: this.effectiveMs,
    };
  }
}
