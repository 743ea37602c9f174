/** `pooled-backend/prometheus`: metrics of backends for prom-client. */

import { type OpenMetricsContentType, type Registry, register } from 'prom-client';
import { checkBackend, checkName, checkNames, type WatchedBackend } from '../watched-backend.js';
import { type AnyRegistry, BackendMetrics } from './backend-metrics.js';
import { MeteredBackend } from './metered-backend.js';

export type { WatchedBackend } from '../watched-backend.js';

/** Options of `registerMetrics()`. */
export interface PrometheusOptions {
  /** Registry the metrics are added to. @default the global registry of prom-client */
  readonly registry?: Registry | Registry<OpenMetricsContentType> | undefined;
  /** Value of the label `backend`; must be different for each backend of a registry. @default 'default' */
  readonly name?: string | undefined;
  /**
   * Upper bounds of the histogram buckets, in seconds, in increasing order. Those of the first backend apply to the
   * whole registry.
   *
   * @default 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60
   */
  readonly buckets?: readonly number[] | undefined;
}

/** Result of `registerMetrics()`. */
export interface RegisteredMetrics {
  /** Removes the backend from the registry. Called automatically when the backend is closed. */
  unregister(): void;
}

const BUCKETS: readonly number[] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60];

/** A property of the registry, so that a second copy of this module (CommonJS beside ESM) finds the metrics of the first. */
const METRICS = Symbol.for('pooled-backend.metrics');

/**
 * Registers the metrics of a backend: gauges and counters, read when they are scraped, and histograms.
 *
 * @throws TypeError for invalid arguments, Error if another backend of the registry has the same name
 *
 * @example
 * ```ts
 * registerMetrics(backend, { name: 'orders' });
 * ```
 */
export function registerMetrics(backend: WatchedBackend, options: PrometheusOptions = {}): RegisteredMetrics {
  const { registry, name, buckets } = checked(backend, options);
  const metrics = metricsOf(registry, buckets);
  const metered = new MeteredBackend(name, backend);
  metrics.add(metered);
  function unregister(): void {
    backend.off('close', unregister);
    if (metrics.delete(metered) && Reflect.get(registry, METRICS) === metrics)
      Reflect.deleteProperty(registry, METRICS);
  }
  backend.on('close', unregister);
  return { unregister };
}

function metricsOf(registry: AnyRegistry, buckets: readonly number[]): BackendMetrics {
  const found = Reflect.get(registry, METRICS) as BackendMetrics | undefined; // only this module sets it
  if (found?.areRegistered) return found;
  const made = new BackendMetrics(registry, buckets);
  Reflect.set(registry, METRICS, made);
  return made;
}

function checked(backend: WatchedBackend, options: PrometheusOptions) {
  checkBackend(backend);
  checkNames(options, ['registry', 'name', 'buckets']);
  const { registry = register, name = 'default', buckets = BUCKETS } = options;
  checkName(name);
  if (typeof registry?.getSingleMetric !== 'function')
    throw new TypeError('registry must be a Registry of prom-client');
  if (!grows(buckets))
    throw new TypeError(`buckets must be a list of increasing numbers of seconds above 0, got ${buckets}`);
  return { registry, name, buckets };
}

/** Of something else, too, as plain JavaScript may give it. */
function grows(buckets: unknown): boolean {
  if (!Array.isArray(buckets)) return false;
  return buckets.every((bound, index) => Number.isFinite(bound) && bound > (buckets[index - 1] ?? 0));
}
