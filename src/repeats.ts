/** What goes on and on is written now and then: an origin that stays down does not fill a log. */

import type { Clock } from './clock.js';
import { messageOf } from './errors.js';
import type { BackendEvents, EventName } from './events.js';

const EVERY_MS = 10_000;
/** Of an origin that fails in ever other ways. */
const MOST_REASONS = 3;

type Reasons = { readonly [Name in EventName]?: (details: BackendEvents[Name][0]) => string };

/** The events that an origin, or a balancer, can cause many times a second, and what makes one of them news. */
const REASONS: Reasons = {
  dialFailed: ({ error }) => error.code,
  reachable: () => '',
  poisoned: () => '',
  checkFailed: ({ what }) => what,
  balanceFailed: ({ error }) => messageOf(error),
};

/** One event of one origin. */
interface Span {
  /** Moment on the clock at which it was written. */
  readonly since: number;
  /** Those that were written since then. */
  readonly reasons: Set<string>;
  unwritten: number;
}

export class Repeats {
  readonly #clock: Clock;
  readonly #spans = new Map<string, Span>(); // oldest first

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How often the event came since it was written last, or that it is not to be written now. */
  sinceLast(name: EventName, details: object): number | 'too soon' {
    // The types cannot follow a name that is a parameter.
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

  /** Forgets those that have not been heard of for a while: origins come and go. */
  #begin(key: string, span: Span): void {
    for (const [other, { since }] of this.#spans) {
      if (span.since - since < 2 * EVERY_MS) break;
      this.#spans.delete(other);
    }
    this.#spans.delete(key); // to the end
    this.#spans.set(key, span);
  }
}
