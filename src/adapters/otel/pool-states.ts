/** The state of the pools as OpenTelemetry collects it: one object for each meter, for all backends that are instrumented with it. */

import type { Attributes, BatchObservableResult, Meter, Observable } from '@opentelemetry/api';
import type { WatchedBackend } from '../watched-backend.js';
import { PROTOCOL, serverAttributes } from './http-attributes.js';

export const CONNECTION = 'pooled_backend.connection';

/** How many pools and queues are still reported after they are gone. Without a limit, they would become more for ever. */
const MOST_GONE = 100;
const NONE = { busy: 0, idle: 0, max: 0 };

interface Watched {
  readonly backend: WatchedBackend;
  readonly name: string;
}

/** The pool of one origin in one backend; without an origin, the queue of a backend. */
interface Seen {
  readonly name: string;
  readonly origin: string | undefined;
}

const meters = new WeakMap<Meter, PoolStates>();

export class PoolStates {
  readonly #watched = new Set<Watched>();
  readonly #observables: Readonly<Record<'open' | 'count' | 'max' | 'pending' | 'timeouts', Observable>>;
  readonly #seen = new Map<string, Seen>(); // what was reported: what is gone comes first, the longest gone first of all

  static of(meter: Meter): PoolStates {
    const known = meters.get(meter);
    if (known !== undefined) return known;
    const states = new PoolStates(meter);
    meters.set(meter, states);
    return states;
  }

  private constructor(meter: Meter) {
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
    meter.addBatchObservableCallback((result) => this.#observe(result), Object.values(this.#observables));
  }

  /** Reports the pools of this backend, until the function that is returned is called. */
  add(backend: WatchedBackend, name: string): () => void {
    const watched = { backend, name };
    this.#watched.add(watched);
    return () => void this.#watched.delete(watched);
  }

  /** Called once for each collection. An SDK keeps the last values that it got, so pools that are gone are reported with zeros. */
  #observe(result: BatchObservableResult): void {
    const { pending, timeouts } = this.#observables;
    const living = new Set<string>();
    for (const { backend, name } of this.#watched) {
      const { origins, queue } = backend.stats();
      for (const { origin, connections } of origins) {
        living.add(this.#see({ name, origin }));
        this.#observeOrigin(result, name, origin, connections);
      }
      living.add(this.#see({ name, origin: undefined }));
      result.observe(pending, queue.length, nameAttribute(name));
      result.observe(timeouts, queue.refused.timeout, nameAttribute(name));
    }
    for (const [key, { name, origin }] of [...this.#seen].slice(0, this.#seen.size - living.size)) {
      if (origin === undefined) result.observe(pending, 0, nameAttribute(name));
      else this.#observeOrigin(result, name, origin, NONE);
      if (this.#seen.size - living.size > MOST_GONE) this.#seen.delete(key);
    }
  }

  /** Returns the key of what is there now. */
  #see(seen: Seen): string {
    const key = `${seen.origin}\n${seen.name}`;
    this.#seen.delete(key); // to the end
    this.#seen.set(key, seen);
    return key;
  }

  #observeOrigin(result: BatchObservableResult, name: string, origin: string, { busy, idle, max }: typeof NONE): void {
    const { open, count, max: most } = this.#observables;
    const pool = poolAttributes(name, origin);
    // Another backend may have the same origin: what two of them say of one thing is not added up.
    const http = { ...nameAttribute(name), ...serverAttributes(origin), ...PROTOCOL };
    result.observe(open, busy, { ...http, 'http.connection.state': 'active' });
    result.observe(open, idle, { ...http, 'http.connection.state': 'idle' });
    result.observe(count, busy, { ...pool, [`${CONNECTION}.state`]: 'used' });
    result.observe(count, idle, { ...pool, [`${CONNECTION}.state`]: 'idle' });
    result.observe(most, max, pool);
  }
}

export function nameAttribute(name: string): Attributes {
  return { 'pooled_backend.name': name };
}

export function poolAttributes(name: string, origin: string): Attributes {
  const { 'server.address': address, 'server.port': port } = serverAttributes(origin);
  return { ...nameAttribute(name), 'server.address': address, 'server.port': port };
}
