/** Sends the state of a backend to all watchers, once per interval. Without watchers there is no timer and no listener. */

import type { BackendEvents } from '../observe/events.js';
import type { BackendStats } from '../stats.js';
import type { Clock, Timer } from '../time/clock.js';
import { History } from './history.js';
import { News } from './news.js';
import { countStates, type FullReport, MOST_SLOTS, type StatusReport, type Tick } from './report.js';
import type { StatusSource } from './status-source.js';

export interface FeedOptions {
  readonly title: string;
  /** Milliseconds between two messages. */
  readonly interval: number;
}

/** A watcher. Called synchronously, so it must be fast. */
export interface Watcher {
  /** `full` is a {@link FullReport}, `tick` a {@link Tick}; both as JSON. Returns false to get a `full` message next time. */
  tell(event: 'full' | 'tick', json: string): boolean;
  /** There will be no more messages. */
  end(): void;
}

/** How many may watch at once. */
export const MOST_WATCHERS = 64;
/** A client that polls counts as a watcher for this long after each request. */
const LEASE_MS = 15_000;

export class StatusFeed {
  readonly #source: StatusSource;
  readonly #clock: Clock;
  readonly #options: FeedOptions;
  readonly #history = new History();
  readonly #news: News;
  readonly #watchers = new Map<Watcher, 'full' | 'tick'>(); // the kind of message that each gets next
  #leasedUntil = Number.NEGATIVE_INFINITY;
  #timer: Timer | undefined;
  #fullJson: string | undefined; // until the next update
  #closed = false;

  constructor(source: StatusSource, clock: Clock, options: FeedOptions) {
    this.#source = source;
    this.#clock = clock;
    this.#options = options;
    this.#news = new News(() => Math.round(clock.wallNow()));
  }

  /** The backend is closed: there are no more messages. */
  get closed(): boolean {
    return this.#closed;
  }

  get isFull(): boolean {
    return this.#watchers.size >= MOST_WATCHERS;
  }

  /** The complete report of this moment. */
  full(): FullReport {
    return { ...this.#report(this.#source.stats()), history: this.#history.columns, news: this.#news.items };
  }

  /** Sends `watcher` the complete report now, and then the changes, until it leaves. */
  watch(watcher: Watcher): void {
    if (this.#closed) {
      watcher.end();
      return;
    }
    this.#begin();
    this.#watchers.set(watcher, watcher.tell('full', this.#full()) ? 'tick' : 'full');
  }

  leave(watcher: Watcher): void {
    this.#watchers.delete(watcher);
    if (!this.#isWatched) this.#stop();
  }

  /** The complete report of the last update, as JSON. A client that polls counts as a watcher for `LEASE_MS`. */
  poll(): string {
    if (this.#closed) return JSON.stringify(this.full());
    this.#leasedUntil = this.#clock.now() + LEASE_MS;
    this.#begin();
    return this.#full();
  }

  /** Sends all watchers the last state, and ends them. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#watchers.size > 0) this.#tell();
    for (const watcher of this.#watchers.keys()) watcher.end();
    this.#watchers.clear();
    this.#stop();
  }

  get #isWatched(): boolean {
    return this.#watchers.size > 0 || this.#clock.now() < this.#leasedUntil;
  }

  #begin(): void {
    if (this.#timer !== undefined) return;
    this.#source.on('request', this.#answered);
    this.#news.listen(this.#source);
    this.#history.close(this.#now, this.#source.stats());
    this.#schedule();
  }

  #schedule(): void {
    this.#timer = this.#clock.after(this.#options.interval, () => {
      if (!this.#isWatched) {
        this.#stop();
        return;
      }
      this.#schedule();
      this.#tell();
    });
  }

  #stop(): void {
    if (this.#timer === undefined) return;
    this.#timer.cancel();
    this.#timer = undefined;
    this.#fullJson = undefined;
    this.#source.off('request', this.#answered);
    this.#news.stop(this.#source);
    this.#history.interrupt();
  }

  #tell(): void {
    const stats = this.#source.stats();
    const report = this.#report(stats);
    const column = this.#history.close(report.at, stats);
    const news = this.#news.changed();
    const tick: Tick = { report, ...(column && { column }), ...(news && { news }) };
    let tickJson: string | undefined; // made once for all watchers
    this.#fullJson = undefined;
    for (const [watcher, event] of this.#watchers) {
      let json: string;
      if (event === 'tick') json = tickJson ??= JSON.stringify(tick);
      else json = this.#full();
      this.#watchers.set(watcher, watcher.tell(event, json) ? 'tick' : 'full');
    }
  }

  #full(): string {
    this.#fullJson ??= JSON.stringify(this.full());
    return this.#fullJson;
  }

  readonly #answered = ({ origin, durationMs }: BackendEvents['request'][0]): void =>
    this.#history.answered(origin, durationMs);

  get #now(): number {
    return Math.round(this.#clock.wallNow());
  }

  #report(stats: BackendStats): StatusReport {
    const lists = this.#source.connections();
    return {
      version: 1,
      title: this.#options.title,
      at: this.#now,
      process: { pid: process.pid, node: process.version },
      ...stats,
      origins: stats.origins.map((origin, index) => {
        const connections = lists[index]?.connections ?? [];
        const slots = connections.slice(0, MOST_SLOTS).map((slot) => ({
          ...slot,
          ageMs: Math.round(slot.ageMs),
          idleMs: Math.round(slot.idleMs),
        }));
        return { ...origin, maxConnections: origin.connections.max, slots, states: countStates(connections) };
      }),
    };
  }
}
