/** Counters that never fall, also if an origin is removed, or comes back and counts from zero. */

import type { Sample } from './stat-metrics.js';

interface Series {
  readonly labels: Sample[0];
  /** The sum of the counts of earlier origins with this name, which were removed. */
  before: number;
  /** The last known count of the present origin with this name. */
  last: number;
}

/** The counters of one backend by metric and labels. */
export class LastingCounts {
  readonly #series = new Map<string, Series>();
  // Origins with metrics that were not removed.
  #here: Set<string> = new Set();
  readonly #gone = new Set<string>(); // oldest removal first
  readonly #mostGone: number;

  /** `mostGone`: how many removed origins keep their counts. */
  constructor(mostGone: number) {
    this.#mostGone = mostGone;
  }

  /** All origins with metrics, the removed ones included. */
  get origins(): readonly string[] {
    return [...this.#gone, ...this.#here];
  }

  /** Something was counted for the origin. It may be removed already: its last requests end after its removal. */
  sawOrigin(origin: string): void {
    if (!this.#gone.has(origin)) this.#here.add(origin);
  }

  added(origin: string): void {
    this.#gone.delete(origin);
    this.#here.add(origin);
  }

  /** Sets the origins that there are now. Returns the removed ones whose counts are dropped, because too many are gone. */
  originsAre(origins: readonly string[]): readonly string[] {
    const here = new Set(origins);
    for (const origin of here) this.#gone.delete(origin);
    for (const origin of this.#here) if (!here.has(origin)) this.#gone.add(origin);
    this.#here = here;
    return this.#tooLongGone();
  }

  /**
   * The origin was removed: if one with the same name comes back, it counts from zero. Returns the origins whose counts are
   * dropped, because too many are gone.
   */
  removed(origin: string): readonly string[] {
    for (const series of this.#series.values()) {
      if (series.labels.origin !== origin) continue;
      series.before += series.last;
      series.last = 0;
    }
    if (this.#here.delete(origin)) this.#gone.add(origin);
    return this.#tooLongGone();
  }

  /** The present samples of a counter, and those of removed origins. */
  lasting(metric: string, samples: readonly Sample[]): Sample[] {
    for (const [labels, value] of samples) this.#count(`${metric} ${JSON.stringify(labels)}`, labels, value);
    const all: Sample[] = [];
    for (const [key, { labels, before, last }] of this.#series) {
      if (key.startsWith(`${metric} `)) all.push([labels, before + last]);
    }
    return all;
  }

  #count(key: string, labels: Sample[0], value: number): void {
    const series = this.#series.get(key) ?? { labels, before: 0, last: 0 };
    series.last = value;
    this.#series.set(key, series);
  }

  #tooLongGone(): readonly string[] {
    const forgotten = [...this.#gone].slice(0, Math.max(0, this.#gone.size - this.#mostGone));
    for (const origin of forgotten) this.#forget(origin);
    return forgotten;
  }

  #forget(origin: string): void {
    this.#gone.delete(origin);
    for (const [key, { labels }] of this.#series) if (labels.origin === origin) this.#series.delete(key);
  }
}
