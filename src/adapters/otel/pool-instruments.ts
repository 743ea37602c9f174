/** The instruments of one backend: those of OpenTelemetry for HTTP, and some for the pool, modelled on those for databases. */

import { context, type Histogram, type Meter } from '@opentelemetry/api';
import type { BackendEvents } from 'pooled-backend';
import type { WatchedBackend } from '../watched-backend.js';
import { endAttributes, methodOf, PROTOCOL, serverAttributes } from './http-attributes.js';
import { CONNECTION, nameAttribute, PoolStates, poolAttributes } from './pool-states.js';

// From the semantic conventions for http.client.request.duration.
const DURATION_BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
const POOL_BOUNDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10];

export class PoolInstruments {
  readonly #backend: WatchedBackend;
  readonly #name: string;
  readonly #leave: () => void;
  readonly #duration: Histogram;
  readonly #createTime: Histogram;
  readonly #waitTime: Histogram;
  readonly #useTime: Histogram;
  readonly #resends: ReturnType<Meter['createCounter']>;

  constructor(backend: WatchedBackend, name: string, meter: Meter) {
    this.#backend = backend;
    this.#name = name;
    this.#leave = PoolStates.of(meter).add(backend, name);
    this.#duration = seconds(meter, 'http.client.request.duration', 'Duration of each attempt.', DURATION_BOUNDS);
    this.#createTime = seconds(meter, `${CONNECTION}.create_time`, 'Time it took to open a connection.');
    this.#waitTime = seconds(meter, `${CONNECTION}.wait_time`, 'Time that requests waited for a connection.');
    this.#useTime = seconds(meter, `${CONNECTION}.use_time`, 'Time that attempts held a connection.');
    this.#resends = meter.createCounter('pooled_backend.resends', {
      unit: '{request}',
      description: 'Requests sent again.',
    });
    backend.on('attemptEnd', this.#attemptEnded).on('connect', this.#opened).on('resend', this.#resent);
    backend.on('request', this.#waited).on('fail', this.#waited);
  }

  close(): void {
    this.#leave();
    this.#backend.off('attemptEnd', this.#attemptEnded).off('connect', this.#opened).off('resend', this.#resent);
    this.#backend.off('request', this.#waited).off('fail', this.#waited);
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
    this.#useTime.record(durationMs / 1_000, poolAttributes(this.#name, origin));
  };

  readonly #opened = ({ origin, durationMs }: BackendEvents['connect'][0]): void => {
    this.#createTime.record(durationMs / 1_000, poolAttributes(this.#name, origin));
  };

  readonly #waited = ({ waitedMs }: { readonly waitedMs: number }): void => {
    this.#waitTime.record(waitedMs / 1_000, nameAttribute(this.#name));
  };

  readonly #resent = ({ origin, reason }: BackendEvents['resend'][0]): void => {
    this.#resends.add(1, { ...poolAttributes(this.#name, origin), 'pooled_backend.resend.reason': reason });
  };
}

function seconds(meter: Meter, name: string, description: string, explicitBucketBoundaries = POOL_BOUNDS): Histogram {
  return meter.createHistogram(name, { unit: 's', description, advice: { explicitBucketBoundaries } });
}
