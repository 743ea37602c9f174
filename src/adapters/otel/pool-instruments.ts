/** The instruments of one backend: those of OpenTelemetry for HTTP, and some for the pool, modelled on those for databases. */

import {
  type Attributes,
  type BatchObservableCallback,
  type BatchObservableResult,
  context,
  type Histogram,
  type Meter,
  type Observable,
} from '@opentelemetry/api';
import type { BackendEvents } from 'pooled-backend';
import type { WatchedBackend } from '../watched-backend.js';
import { endAttributes, methodOf, PROTOCOL, serverAttributes } from './http-attributes.js';

// From the semantic conventions for http.client.request.duration.
const DURATION_BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
const POOL_BOUNDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10];
const CONNECTION = 'pooled_backend.connection';

/** How many removed origins are still reported. Without a limit, they would become more for ever if origins come and go. */
const MOST_GONE = 100;
const NONE = { busy: 0, idle: 0, max: 0 };

export class PoolInstruments {
  readonly #backend: WatchedBackend;
  readonly #meter: Meter;
  readonly #name: Attributes;
  readonly #observables: Readonly<Record<'open' | 'count' | 'max' | 'pending' | 'timeouts', Observable>>;
  readonly #duration: Histogram;
  readonly #createTime: Histogram;
  readonly #waitTime: Histogram;
  readonly #useTime: Histogram;
  readonly #resends: ReturnType<Meter['createCounter']>;
  readonly #seen = new Set<string>(); // origins that were reported: the removed ones come first, oldest removal first

  constructor(backend: WatchedBackend, name: string, meter: Meter) {
    this.#backend = backend;
    this.#meter = meter;
    this.#name = { 'pooled_backend.name': name };
    this.#observables = {
      open: meter.createObservableUpDownCounter('http.client.open_connections', {
        unit: '{connection}',
        description: 'Connections that are open, active or idle.',
      }),
      count: meter.createObservableUpDownCounter(`${CONNECTION}.count`, {
        unit: '{connection}',
        description: 'Connections of the pool, used or idle.',
      }),
      max: meter.createObservableUpDownCounter(`${CONNECTION}.max`, {
        unit: '{connection}',
        description: 'Most connections that there may be.',
      }),
      pending: meter.createObservableUpDownCounter(`${CONNECTION}.pending_requests`, {
        unit: '{request}',
        description: 'Requests that wait for a connection.',
      }),
      timeouts: meter.createObservableCounter(`${CONNECTION}.timeouts`, {
        unit: '{timeout}',
        description: 'Requests that have waited for a connection for as long as they may.',
      }),
    };
    this.#duration = seconds(meter, 'http.client.request.duration', 'Duration of each attempt.', DURATION_BOUNDS);
    this.#createTime = seconds(meter, `${CONNECTION}.create_time`, 'Time it took to open a connection.');
    this.#waitTime = seconds(meter, `${CONNECTION}.wait_time`, 'Time that requests waited for a connection.');
    this.#useTime = seconds(meter, `${CONNECTION}.use_time`, 'Time that attempts held a connection.');
    this.#resends = meter.createCounter('pooled_backend.resends', {
      unit: '{request}',
      description: 'Requests sent again.',
    });
    meter.addBatchObservableCallback(this.#observe, Object.values(this.#observables));
    backend.on('attemptEnd', this.#attemptEnded).on('connect', this.#opened).on('resend', this.#resent);
    backend.on('request', this.#waited).on('fail', this.#waited);
  }

  close(): void {
    this.#meter.removeBatchObservableCallback(this.#observe, Object.values(this.#observables));
    this.#backend.off('attemptEnd', this.#attemptEnded).off('connect', this.#opened).off('resend', this.#resent);
    this.#backend.off('request', this.#waited).off('fail', this.#waited);
  }

  /** Called once for each collection. An SDK keeps the last values that it got, so a removed origin is reported with zeros. */
  readonly #observe: BatchObservableCallback = (result) => {
    const { pending, timeouts } = this.#observables;
    const { origins, queue } = this.#backend.stats();
    for (const { origin, connections } of origins) {
      this.#seen.delete(origin); // moves it to the end
      this.#seen.add(origin);
      this.#observeOrigin(result, origin, connections);
    }
    for (const origin of [...this.#seen].slice(0, this.#seen.size - origins.length)) {
      if (this.#seen.size - origins.length > MOST_GONE) this.#seen.delete(origin);
      else this.#observeOrigin(result, origin, NONE);
    }
    result.observe(pending, queue.length, this.#name);
    result.observe(timeouts, queue.refused.timeout, this.#name);
  };

  #observeOrigin(result: BatchObservableResult, origin: string, { busy, idle, max }: typeof NONE): void {
    const { open, count, max: most } = this.#observables;
    const pool = this.#pool(origin);
    // Two backends may have the same origin, and their values for the same attributes would not be added up.
    const http = { ...this.#name, ...serverAttributes(origin), ...PROTOCOL };
    result.observe(open, busy, { ...http, 'http.connection.state': 'active' });
    result.observe(open, idle, { ...http, 'http.connection.state': 'idle' });
    result.observe(count, busy, { ...pool, [`${CONNECTION}.state`]: 'used' });
    result.observe(count, idle, { ...pool, [`${CONNECTION}.state`]: 'idle' });
    result.observe(most, max, pool);
  }

  readonly #attemptEnded = (end: BackendEvents['attemptEnd'][0]): void => {
    const { method, origin, durationMs, statusCode, error } = end;
    const server = serverAttributes(origin);
    const attributes = {
      'http.request.method': methodOf(method),
      ...server,
      ...PROTOCOL,
      ...endAttributes(statusCode, error),
    };
    // The context is the caller's, so that an exemplar can point to its trace.
    this.#duration.record(durationMs / 1_000, attributes, context.active());
    this.#useTime.record(durationMs / 1_000, this.#pool(origin));
  };

  readonly #opened = ({ origin, durationMs }: BackendEvents['connect'][0]): void => {
    this.#createTime.record(durationMs / 1_000, this.#pool(origin));
  };

  readonly #waited = ({ waitedMs }: { readonly waitedMs: number }): void => {
    this.#waitTime.record(waitedMs / 1_000, this.#name);
  };

  readonly #resent = ({ origin, reason }: BackendEvents['resend'][0]): void => {
    this.#resends.add(1, { ...this.#pool(origin), 'pooled_backend.resend.reason': reason });
  };

  #pool(origin: string): Attributes {
    const { 'server.address': address, 'server.port': port } = serverAttributes(origin);
    return { ...this.#name, 'server.address': address, 'server.port': port };
  }
}

function seconds(meter: Meter, name: string, description: string, explicitBucketBoundaries = POOL_BOUNDS): Histogram {
  return meter.createHistogram(name, { unit: 's', description, advice: { explicitBucketBoundaries } });
}
