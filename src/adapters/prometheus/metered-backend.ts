/** One backend of a registry: its counts at the moment of a scrape, and its events between scrapes. */

import type { BackendEvents, BackendStats } from 'pooled-backend';
import { isIdempotentMethod, isSafeMethod } from '../../http1/method.js';
import type { WatchedBackend } from '../watched-backend.js';
import { LastingCounts } from './lasting-counts.js';
import type { Sample } from './stat-metrics.js';

/** Receives the events of a backend. Times in milliseconds. */
export interface Observations {
  ended(backend: string, origin: string, method: string, status: string, durationMs: number, waitedMs: number): void;
  opened(backend: string, origin: string, durationMs: number): void;
  /** Removes the series of these origins. */
  forget(backend: string, origins: readonly string[]): void;
}

/** Methods are counted by their properties (RFC 9110 §9.2), not by name: a client can invent any number of names. */
export const METHOD_CLASSES = ['safe', 'idempotent', 'other'] as const;
export const STATUS_CLASSES = ['2xx', '3xx', '4xx', '5xx', 'other', 'failed', 'aborted'] as const;

/** How many removed origins are still shown. Without a limit, a scrape would grow for ever if origins come and go. */
const MOST_GONE = 100;

export class MeteredBackend {
  readonly name: string;
  readonly #source: WatchedBackend;
  readonly #counts = new LastingCounts(MOST_GONE);
  #observations: Observations | undefined;
  #stats: BackendStats | undefined; // of the current scrape, whose metrics read them one by one, in one turn

  constructor(name: string, source: WatchedBackend) {
    this.name = name;
    this.#source = source;
  }

  /** Origins that may have series; the empty name is for requests that reached no origin. */
  get origins(): readonly string[] {
    return ['', ...this.#counts.origins];
  }

  listen(observations: Observations): void {
    this.#observations = observations;
    this.#source.on('request', this.#answered).on('fail', this.#failed).on('connect', this.#opened);
    this.#source.on('originChanged', this.#changed);
  }

  leave(): void {
    this.#observations = undefined;
    this.#source.off('request', this.#answered).off('fail', this.#failed).off('connect', this.#opened);
    this.#source.off('originChanged', this.#changed);
  }

  get stats(): BackendStats {
    if (this.#stats !== undefined) return this.#stats;
    const stats = this.#source.stats();
    this.#stats = stats;
    queueMicrotask(() => {
      this.#stats = undefined;
    });
    const forgotten = this.#counts.originsAre(stats.origins.map(({ origin }) => origin));
    this.#observations?.forget(this.name, forgotten);
    return stats;
  }

  lasting(metric: string, samples: readonly Sample[]): Sample[] {
    return this.#counts.lasting(metric, samples);
  }

  readonly #answered = ({ method, origin, statusCode, durationMs, waitedMs }: BackendEvents['request'][0]): void => {
    this.#counts.sawOrigin(origin);
    const status = statusClass(statusCode);
    this.#observations?.ended(this.name, origin, methodClass(method), status, durationMs, waitedMs);
  };

  readonly #failed = ({ method, error, durationMs, waitedMs }: BackendEvents['fail'][0]): void => {
    const { origin = '' } = error;
    if (origin !== '') this.#counts.sawOrigin(origin);
    // A client that leaves is not a failure: it must not raise an alert on failures.
    const status = error.code === 'client_aborted' ? 'aborted' : 'failed';
    this.#observations?.ended(this.name, origin, methodClass(method), status, durationMs, waitedMs);
  };

  readonly #opened = ({ origin, durationMs }: BackendEvents['connect'][0]): void => {
    this.#counts.sawOrigin(origin);
    this.#observations?.opened(this.name, origin, durationMs);
  };

  readonly #changed = ({ origin, change }: BackendEvents['originChanged'][0]): void => {
    if (change === 'added') this.#counts.added(origin);
    if (change === 'removed') this.#observations?.forget(this.name, this.#counts.removed(origin));
  };
}

function methodClass(method: string): (typeof METHOD_CLASSES)[number] {
  if (isSafeMethod(method)) return 'safe';
  return isIdempotentMethod(method) ? 'idempotent' : 'other';
}

function statusClass(statusCode: number): (typeof STATUS_CLASSES)[number] {
  const status = `${Math.floor(statusCode / 100)}xx`;
  return STATUS_CLASSES.find((one) => one === status) ?? 'other';
}
