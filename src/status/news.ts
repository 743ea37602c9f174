/** What happened lately, from the events of a backend. The list is bounded; an item that comes again is counted, not listed twice. */

import { messageOf } from '../errors.js';
import type { BackendEvents, EventName } from '../observe/events.js';
import type { NewsItem } from './report.js';
import type { StatusSource } from './status-source.js';

const MOST_ITEMS = 40;
/** An event is counted as a repetition if an equal item is among the newest `NEWEST`, and less than `SAME_MS` old. */
const NEWEST = 8;
const SAME_MS = 10_000;

type Told = readonly [origin: string | null, text: string];
type Tell<Name extends EventName> = (details: BackendEvents[Name][0]) => Told;

/** Paths are left out: they may contain secrets that readers of a status page should not see. */
const TELL: { readonly [Kind in NewsItem['kind']]: Tell<Kind> } = {
  eject: ({ origin, reason, forMs }) => [origin, `ejected for ${duration(forMs)}: ${reason}`],
  down: ({ origin, reason }) => [origin, `down: ${reason}`],
  checkFailed: ({ origin, what }) => [origin, `check failed: ${what}`],
  discoveryFailed: ({ source, error }) => [null, `no origins found by ${source}: ${messageOf(error)}`],
  discoveryEnded: () => [null, 'nothing more is told of the origins: these stay'],
  readmit: ({ origin }) => [origin, 'is back'],
  originChanged: ({ origin, change, weight }) => [origin, changeText(change, weight)],
  failOpen: () => [null, 'too many origins are out: all of them are tried'],
  poisoned: ({ origin }) => [origin, 'sent bytes that nobody had asked for'],
  dialFailed: ({ origin, error }) => [origin, `dial failed: ${error.code}`],
  reachable: ({ origin, afterMs }) => [origin, `could be dialled again after ${duration(afterMs)}`],
  resend: ({ origin, method, reason }) => [origin, `${method} sent again: ${reason}`],
  fail: ({ method, error }) => [error.origin ?? null, `${method} failed: ${error.code}, delivery ${error.delivery}`],
  refuse: ({ method, error }) => [null, `${method} refused: ${error.code}`],
  stale: ({ origin, swept }) => [origin, swept > 0 ? 'closed idle connections' : 'closed an idle connection'],
};

/** `500 ms`, `1.5 s`, `16 s`. */
function duration(ms: number): string {
  return ms < 999.5 ? `${Math.round(ms)} ms` : `${Math.round(ms / 100) / 10} s`;
}

function changeText(change: string, weight: number): string {
  return change === 'weight' ? `has weight ${weight}, by its owner` : `${change}, by its owner`;
}

export class News {
  /** Newest first. */
  readonly #items: NewsItem[] = [];
  readonly #now: () => number;
  #hasChanged = false;
  readonly #listeners: readonly { on(source: StatusSource): void; off(source: StatusSource): void }[];

  /** `now` gives milliseconds since the Unix epoch. */
  constructor(now: () => number) {
    this.#now = now;
    const kinds = Object.keys(TELL) as NewsItem['kind'][]; // our own literal
    this.#listeners = kinds.map((kind) => this.#listener(kind));
  }

  get items(): readonly NewsItem[] {
    return this.#items;
  }

  listen(source: StatusSource): void {
    for (const listener of this.#listeners) listener.on(source);
  }

  stop(source: StatusSource): void {
    for (const listener of this.#listeners) listener.off(source);
  }

  /** The items, if they have changed since the last call. */
  changed(): readonly NewsItem[] | undefined {
    if (!this.#hasChanged) return undefined;
    this.#hasChanged = false;
    return [...this.#items];
  }

  #listener<Kind extends NewsItem['kind']>(kind: Kind) {
    const heard = (details: BackendEvents[Kind][0]) => this.#add(kind, TELL[kind](details));
    return {
      on: (source: StatusSource) => void source.on(kind, heard),
      off: (source: StatusSource) => void source.off(kind, heard),
    };
  }

  #add(kind: NewsItem['kind'], [origin, text]: Told): void {
    const at = this.#now();
    const same = this.#items.findIndex(
      (item, index) => index < NEWEST && at - item.at < SAME_MS && item.text === text && item.origin === origin,
    );
    const [before] = same < 0 ? [] : this.#items.splice(same, 1);
    this.#items.unshift({ kind, origin, text, at, count: (before?.count ?? 0) + 1 });
    if (this.#items.length > MOST_ITEMS) this.#items.pop();
    this.#hasChanged = true;
  }
}
