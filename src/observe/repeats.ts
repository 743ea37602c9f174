/** Logs a recurring event only now and then, so that an origin that stays down does not fill a log. */

import { messageOf } from '../errors.js';
import type { Clock } from '../time/clock.js';
import type { BackendEvents, EventName } from './events.js';

const EVERY_MS = 10_000;
/** Most reasons that are logged in one span: for an origin that fails in a new way each time. */
const MOST_REASONS = 3;

type Reasons = { readonly [Name in EventName]?: (details: BackendEvents[Name][0]) => string };

/**
 * The events that an origin or a balancer can cause many times a second. Each function returns the reason of an event; an event with a new
 * reason is logged at once.
 */
const REASONS: Reasons = {
  dialFailed: ({ error }) => error.code,
  reachable: () => '',
  poisoned: () => '',
  checkFailed: ({ what }) => what,
  balanceFailed: ({ error }) => messageOf(error),
};

/** The time since one event of one origin was logged. */
interface Span {
  /** Moment on the clock at which it was logged. */
  readonly since: number;
  /** The reasons that were logged since then. */
  readonly reasons: Set<string>;
  unwritten: number;
}

export class Repeats {
  readonly #clock: Clock;
  readonly #spans = new Map<string, Span>(); // oldest first

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Returns how many events were left out in a span that has just ended; otherwise 0. `'too soon'`: this event is to be left out as well.
   */
  sinceLast(name: EventName, details: object): number | 'too soon' {
    // TypeScript cannot relate `details` to a `name` that is a parameter.
    const reasonOf = REASONS[name] as ((details: object) => string) | undefined;
    if (reasonOf === undefined) return 0;
    const key = `${name} ${'origin' in details ? details.origin : ''}`;
    const now = this.#clock.now();
    const span = this.#spans.get(key);
    const reason = reasonOf(details);
    if (span === undefined || now - span.since >= EVERY_MS) {
      this.#begin(key, { since: now, reasons: new Set([reason]), unwritten: 0 });
      return span?.unwritten ?? 0;
    }
    const isNews = !span.reasons.has(reason) && span.reasons.size < MOST_REASONS;
    if (isNews) span.reasons.add(reason);
    else span.unwritten += 1;
    return isNews ? 0 : 'too soon';
  }

  /** Begins a span, and forgets those that began long ago: origins come and go. */
  #begin(key: string, span: Span): void {
    for (const [other, { since }] of this.#spans) {
      if (span.since - since < 2 * EVERY_MS) break;
      this.#spans.delete(other);
    }
    this.#spans.delete(key); // so that it goes to the end
    this.#spans.set(key, span);
  }
}
