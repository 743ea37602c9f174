/** `pooled-backend/otel`: spans and metrics of OpenTelemetry, by its semantic conventions for HTTP. */

import { type MeterProvider, metrics, type TracerProvider, trace } from '@opentelemetry/api';
import { checkBackend, checkName, checkNames, type WatchedBackend } from '../watched-backend.js';
import { AttemptSpans } from './attempt-spans.js';
import { PoolInstruments } from './pool-instruments.js';

export type { WatchedBackend } from '../watched-backend.js';

/** How a backend is instrumented. */
export interface OpenTelemetryOptions {
  /** Value of the attribute `pooled_backend.name`: tells backends of a process apart. @default 'default' */
  readonly name?: string | undefined;
  /** Makes the spans; `false` = none. @default the global one */
  readonly tracerProvider?: TracerProvider | false | undefined;
  /** Makes the metrics; `false` = none. @default the global one */
  readonly meterProvider?: MeterProvider | false | undefined;
  /** Whether the origins are told the span of each attempt, by the global propagator. @default true */
  readonly propagate?: boolean | undefined;
}

/** What `instrumentBackend()` has begun. */
export interface Instrumentation {
  /** Ends it: spans that run are ended as they are. Happens by itself when the backend is closed. */
  uninstrument(): void;
}

const SCOPE = 'pooled-backend';

/**
 * Makes spans and metrics of what a backend does, until it is closed.
 *
 * @throws TypeError for options of the wrong kind
 */
export function instrumentBackend(backend: WatchedBackend, options: OpenTelemetryOptions = {}): Instrumentation {
  checkBackend(backend);
  checkNames(options, ['name', 'tracerProvider', 'meterProvider', 'propagate']);
  const { name = 'default', tracerProvider = trace, meterProvider = metrics, propagate = true } = options;
  checkName(name);
  if (typeof propagate !== 'boolean') throw new TypeError(`propagate must be true or false, got ${propagate}`);
  const parts: { close(): void }[] = [];
  if (tracerProvider !== false) {
    parts.push(new AttemptSpans({ backend, name, propagate, tracer: tracerProvider.getTracer(SCOPE) }));
  }
  if (meterProvider !== false) parts.push(new PoolInstruments(backend, name, meterProvider.getMeter(SCOPE)));
  function uninstrument(): void {
    backend.off('close', uninstrument);
    for (const part of parts.splice(0)) part.close();
  }
  backend.on('close', uninstrument);
  return { uninstrument };
}
