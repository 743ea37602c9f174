/** The metrics of one registry, for all backends that are registered with it. */

import { Counter, Gauge, Histogram, type OpenMetricsContentType, type Registry } from 'prom-client';
import { METHOD_CLASSES, type MeteredBackend, type Observations, STATUS_CLASSES } from './metered-backend.js';
import { type StatMetric, statMetrics } from './stat-metrics.js';

/** A registry, whichever of the two formats it writes. */
export type AnyRegistry = Registry | Registry<OpenMetricsContentType>;

const PREFIX = 'pooled_backend_';

export class BackendMetrics implements Observations {
  readonly #registry: AnyRegistry;
  readonly #backends = new Map<string, MeteredBackend>(); // by name
  readonly #names: string[] = [];
  readonly #durations: Histogram<'backend' | 'origin' | 'method' | 'status'>;
  readonly #waits: Histogram<'backend'>;
  readonly #dials: Histogram<'backend' | 'origin'>;

  constructor(registry: AnyRegistry, buckets: readonly number[]) {
    this.#registry = registry;
    for (const metric of statMetrics) this.#add(metric);
    const shared = { registers: [registry], buckets: [...buckets] };
    this.#durations = new Histogram({
      ...shared,
      name: this.#named('request_duration_seconds'),
      help: 'From a request being taken to its end, waits and re-sends included.',
      labelNames: ['backend', 'origin', 'method', 'status'],
    });
    this.#waits = new Histogram({
      ...shared,
      name: this.#named('request_wait_seconds'),
      help: 'What requests spent waiting for connections; 0 for those that did not wait.',
      labelNames: ['backend'],
    });
    this.#dials = new Histogram({
      ...shared,
      name: this.#named('dial_duration_seconds'),
      help: 'What it took to open connections, TLS included.',
      labelNames: ['backend', 'origin'],
    });
  }

  /** Whether the registry still has the metrics: its owner may have cleared it. */
  get areRegistered(): boolean {
    return this.#registry.getSingleMetric(`${PREFIX}request_duration_seconds`) === this.#durations;
  }

  /** @throws Error if another backend has the same name */
  add(backend: MeteredBackend): void {
    if (this.#backends.has(backend.name)) {
      throw new Error(
        `name must be unique in the registry: a backend is registered as ${JSON.stringify(backend.name)}`,
      );
    }
    this.#backends.set(backend.name, backend);
    backend.listen(this);
  }

  /** Removes the series of a backend, and the metrics too if it was the last backend. Returns whether it was the last. */
  delete(backend: MeteredBackend): boolean {
    if (this.#backends.get(backend.name) !== backend) return false;
    this.#backends.delete(backend.name);
    backend.leave();
    this.forget(backend.name, backend.origins);
    this.#waits.remove({ backend: backend.name });
    if (this.#backends.size > 0) return false;
    if (this.areRegistered) for (const name of this.#names) this.#registry.removeSingleMetric(name);
    return true;
  }

  // --- events of backends --------------------------------------------------------------------------------------------

  ended(backend: string, origin: string, method: string, status: string, durationMs: number, waitedMs: number): void {
    this.#durations.observe({ backend, origin, method, status }, durationMs / 1_000);
    this.#waits.observe({ backend }, waitedMs / 1_000);
  }

  opened(backend: string, origin: string, durationMs: number): void {
    this.#dials.observe({ backend, origin }, durationMs / 1_000);
  }

  forget(backend: string, origins: readonly string[]): void {
    for (const origin of origins) {
      this.#dials.remove({ backend, origin });
      for (const method of METHOD_CLASSES) {
        for (const status of STATUS_CLASSES) this.#durations.remove({ backend, origin, method, status });
      }
    }
  }

  // --- values for a scrape -------------------------------------------------------------------------------------------

  #add({ name, help, kind, labels, read, aggregator = 'sum' }: StatMetric): void {
    const config = { name: this.#named(name), help, labelNames: ['backend', ...labels], registers: [this.#registry] };
    const backends = this.#backends;
    if (kind === 'gauge') {
      new Gauge({
        ...config,
        aggregator,
        collect() {
          this.reset();
          for (const { name: backend, stats } of backends.values()) {
            for (const [given, value] of read(stats)) this.set({ backend, ...given }, value);
          }
        },
      });
      return;
    }
    new Counter({
      ...config,
      collect() {
        this.reset();
        for (const one of backends.values()) {
          for (const [given, value] of one.lasting(name, read(one.stats)))
            this.inc({ backend: one.name, ...given }, value);
        }
      },
    });
  }

  #named(name: string): string {
    this.#names.push(PREFIX + name);
    return PREFIX + name;
  }
}
