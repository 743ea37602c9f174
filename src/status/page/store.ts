/** What the page knows: the newest report, the history, and how busy each connection was between the last two reports. */

import {
  type Column,
  type FullReport,
  type NewsItem,
  type StatusReport,
  type Tick,
  total,
  withColumn,
} from '../report.js';

import { type Stretch, stretchOf } from './series.js';

// Rates are computed over several reports, so that they do not flicker.
const RECENT_MS = 4_500;
const LATELY_MS = 12_000;

/** Counters at one moment. */
interface Totals {
  readonly at: number;
  readonly origins: ReadonlyMap<string, Pace>; // by name
}

/** Counts since the beginning, or per second in the last few seconds. */
export interface Pace {
  readonly requests: number;
  readonly reused: number;
  readonly dialled: number;
  readonly resent: number;
}

export class Store {
  report: StatusReport | undefined;
  columns: readonly Column[] = [];
  news: readonly NewsItem[] = [];
  #recent: Totals[] = []; // oldest first
  #exchanges = new Map<string, number>(); // by origin and slot, as of the newest report
  #work = new Map<string, number>(); // exchanges per second, by origin and slot
  #mostWork = 0;

  all({ history, news, ...report }: FullReport): void {
    this.columns = history;
    this.news = news;
    this.#take(report);
  }

  tick({ report, column, news }: Tick): void {
    if (column !== undefined) this.columns = withColumn(this.columns, column);
    if (news !== undefined) this.news = news;
    this.#take(report);
  }

  /** The time that all charts show. */
  get stretch(): Stretch {
    return stretchOf(this.columns, this.#now);
  }

  /** The columns of the last few seconds. */
  get lately(): readonly Column[] {
    const now = this.#now;
    return this.columns.filter(({ at }) => at > now - LATELY_MS);
  }

  get #now(): number {
    return this.report?.at ?? 0;
  }

  /** The complete report, as `?format=json` returns it. */
  get snapshot(): FullReport | undefined {
    return this.report && { ...this.report, history: this.columns, news: this.news };
  }

  /** Rates of the origin with this name, or of all origins together. */
  pace(origin?: string): Pace {
    const [first, last] = [this.#recent[0], this.#recent.at(-1)];
    const seconds = ((last?.at ?? 0) - (first?.at ?? 0)) / 1000;
    const names = origin === undefined ? [...(last?.origins.keys() ?? [])] : [origin];
    const grown = (kind: keyof Pace): number => {
      if (seconds <= 0) return 0;
      const of = (totals: Totals | undefined, name: string) => totals?.origins.get(name)?.[kind] ?? 0;
      return names.reduce((all, name) => all + Math.max(0, of(last, name) - of(first, name)), 0) / seconds;
    };
    return { requests: grown('requests'), reused: grown('reused'), dialled: grown('dialled'), resent: grown('resent') };
  }

  /** How hard a connection worked between the last two reports, from 0 to 1, where 1 is the connection that worked hardest. */
  workOf(origin: string, slot: number): number {
    const work = this.#work.get(`${slot} ${origin}`) ?? 0;
    return this.#mostWork === 0 ? 0 : Math.sqrt(work / this.#mostWork);
  }

  #take(report: StatusReport): void {
    const before = this.report;
    this.report = report;
    if (before?.at === report.at) return; // polled again before the next update
    this.#measureWork(report, before === undefined ? Number.NaN : (report.at - before.at) / 1000);
    // The clock of the server may have been set back.
    if (before !== undefined && (before.process.pid !== report.process.pid || report.at < before.at)) this.#recent = [];
    this.#recent.push({
      at: report.at,
      origins: new Map(
        report.origins.map(({ origin, requests, reused, dialled, resent }) => {
          return [origin, { requests, reused, dialled, resent: total(resent) }];
        }),
      ),
    });
    while (this.#recent.length > 2 && report.at - (this.#recent[1]?.at ?? 0) >= RECENT_MS) this.#recent.shift();
  }

  #measureWork(report: StatusReport, seconds: number): void {
    const exchanges = new Map<string, number>();
    const work = new Map<string, number>();
    let most = 0;
    for (const { origin, slots } of report.origins) {
      for (const slot of slots) {
        const key = `${slot.slot} ${origin}`;
        const before = this.#exchanges.get(key) ?? 0;
        // Fewer exchanges than before: the slot has another connection.
        const done = slot.exchanges >= before ? slot.exchanges - before : slot.exchanges;
        exchanges.set(key, slot.exchanges);
        if (!(seconds > 0)) continue;
        work.set(key, done / seconds);
        most = Math.max(most, done / seconds);
      }
    }
    this.#exchanges = exchanges;
    this.#work = work;
    this.#mostWork = most;
  }
}
