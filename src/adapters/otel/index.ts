/** `pooled-backend/otel`: OpenTelemetry spans and metrics, by its semantic conventions for HTTP. */

import { type MeterProvider, metrics, type TracerProvider, trace } from '@opentelemetry/api';
import { checkBackend, checkName, checkNames, type WatchedBackend } from '../watched-backend.js';
import { AttemptSpans } from './attempt-spans.js';
import { PoolInstruments } from './pool-instruments.js';

export type { WatchedBackend } from '../watched-backend.js';

/** Options of `instrumentBackend()`. */
export interface OpenTelemetryOptions {
  /**
   * Value of the attribute `pooled_backend.name`, which distinguishes several backends of a process.
   *
   * @default 'default'
   */
  readonly name?: string | undefined;
  /** Creates the spans; `false` turns them off. @default the global one */
  readonly tracerProvider?: TracerProvider | false | undefined;
  /** Creates the metrics; `false` turns them off. @default the global one */
  readonly meterProvider?: MeterProvider | false | undefined;
  /** Whether the trace context is sent to the origin with each attempt, using the global propagator. @default true */
  readonly propagate?: boolean | undefined;
}

/** Result of `instrumentBackend()`. */
export interface Instrumentation {
  /** Stops it; spans in progress are ended. Called automatically when the backend is closed. */
  uninstrument(): void;
}

const SCOPE = 'pooled-backend';

/**
 * Creates spans and metrics for a backend until it is closed.
 *
 * @throws TypeError for invalid arguments
 *
 * @example
 * ```ts
 * instrumentBackend(backend, { name: 'orders' });
 * ```
 */
export function instrumentBackend(backend: WatchedBackend, options: OpenTelemetryOptions = {}): Instrumentation {
  checkBackend(backend);
  checkNames(options, ['name', 'tracerProvider', 'meterProvider', 'propagate']);
  const { name = 'default', tracerProvider = trace, meterProvider = metrics, propagate = true } = options;
  checkName(name);
  if (typeof propagate !== 'boolean') throw new TypeError(`propagate must be true or false, got ${propagate}`);
  // Both come before any listener is added: a value that is not a provider throws here.
  const tracer = tracerProvider !== false && tracerProvider.getTracer(SCOPE);
  const meter = meterProvider !== false && meterProvider.getMeter(SCOPE);
  const parts: { close(): void }[] = [];
  if (tracer !== false) parts.push(new AttemptSpans({ backend, name, propagate, tracer }));
  if (meter !== false) parts.push(new PoolInstruments(backend, name, meter));
  function uninstrument(): void {
    backend.off('close', uninstrument);
    for (const part of parts.splice(0)) part.close();
  }
  backend.on('close', uninstrument);
  return { uninstrument };
}
