/** Counters that never fall, whatever comes and goes: an origin that is removed, or that comes back counting from zero. */

import type { Sample } from './stat-metrics.js';

interface Series {
  readonly labels: Sample[0];
  /** What was counted by those of its name that were removed. */
  before: number;
  /** What the one that is there has counted, as it was seen last. */
  last: number;
}

/** The counters of one backend by metric and labels. */
export class LastingCounts {
  readonly #series = new Map<string, Series>();
  // Every origin that has something to show.
  #here: Set<string> = new Set();
  readonly #gone = new Set<string>(); // the longest gone first
  readonly #mostGone: number;

  /** `mostGone`: origins whose counts are kept when they are gone. */
  constructor(mostGone: number) {
    this.#mostGone = mostGone;
  }

  /** All origins that have something to show. */
  get origins(): readonly string[] {
    return [...this.#gone, ...this.#here];
  }

  /** The origin has something to show. The last request of one that is removed ends after that. */
  sawOrigin(origin: string): void {
    if (!this.#gone.has(origin)) this.#here.add(origin);
  }

  added(origin: string): void {
    this.#gone.delete(origin);
    this.#here.add(origin);
  }

  /** These are the origins now. Returns those that are forgotten, because too many are gone. */
  originsAre(origins: readonly string[]): readonly string[] {
    const here = new Set(origins);
    for (const origin of here) this.#gone.delete(origin);
    for (const origin of this.#here) if (!here.has(origin)) this.#gone.add(origin);
    this.#here = here;
    return this.#tooLongGone();
  }

  /** The origin is removed: one that comes back under its name counts from zero. Returns those that are forgotten. */
  removed(origin: string): readonly string[] {
    for (const series of this.#series.values()) {
      if (series.labels.origin !== origin) continue;
      series.before += series.last;
      series.last = 0;
    }
    if (this.#here.delete(origin)) this.#gone.add(origin);
    return this.#tooLongGone();
  }

  /** The samples of a counter as they are now, and those of what is gone. */
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
