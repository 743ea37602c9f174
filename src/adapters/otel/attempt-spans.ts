/** A span for each attempt, whose context is sent to the origin; and a span for each request that failed without an attempt. */

import {
  type Attributes,
  context,
  diag,
  propagation,
  type Span,
  SpanKind,
  SpanStatusCode,
  type TextMapSetter,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import type { BackendEvents } from 'pooled-backend';
import { systemClock } from '../../time/clock.js';
import type { WatchedBackend } from '../watched-backend.js';
import { endAttributes, fullUrl, methodAttributes, PROTOCOL, serverAttributes, spanName } from './http-attributes.js';

type AttemptNews = BackendEvents['attempt'][0];

const ADDS_FIELDS: TextMapSetter<AttemptNews> = {
  set(attempt, name, value) {
    try {
      attempt.addField(name, value);
    } catch (error) {
      diag.warn(`pooled-backend: the propagator's field ${name} cannot be sent`, error);
    }
  },
};

export interface SpanOptions {
  readonly backend: WatchedBackend;
  readonly name: string;
  readonly tracer: Tracer;
  readonly propagate: boolean;
}

export class AttemptSpans {
  readonly #options: SpanOptions;
  readonly #running = new Map<number, Span>(); // by request, which has one attempt at a time

  constructor(options: SpanOptions) {
    this.#options = options;
    options.backend.on('attempt', this.#begun).on('attemptEnd', this.#ended).on('fail', this.#failed);
  }

  /** Ends the spans that are in progress as they are. */
  close(): void {
    this.#options.backend.off('attempt', this.#begun).off('attemptEnd', this.#ended).off('fail', this.#failed);
    for (const span of this.#running.values()) span.end();
    this.#running.clear();
  }

  readonly #begun = (attempt: AttemptNews): void => {
    const { tracer, name, propagate } = this.#options;
    const { origin, method, path, reused, waitedMs } = attempt;
    const attributes: Attributes = {
      ...this.#attributes(method, origin, path),
      'pooled_backend.name': name,
      'pooled_backend.connection.reused': reused,
      'pooled_backend.connection.wait_time': waitedMs / 1_000,
    };
    if (attempt.attempt > 1) attributes['http.request.resend_count'] = attempt.attempt - 1;
    const parent = context.active(); // the caller's: events about a request are emitted in the async context in which it was made
    const span = tracer.startSpan(spanName(method), { kind: SpanKind.CLIENT, attributes }, parent);
    this.#running.set(attempt.request, span);
    if (propagate) propagation.inject(trace.setSpan(parent, span), attempt, ADDS_FIELDS);
  };

  readonly #ended = ({ request, statusCode, error }: BackendEvents['attemptEnd'][0]): void => {
    const span = this.#running.get(request);
    this.#running.delete(request);
    if (span !== undefined) end(span, statusCode, error);
  };

  /** A request that was never sent has no attempt: for example, the queue was full, or no dial succeeded in time. */
  readonly #failed = ({ method, path, error, durationMs }: BackendEvents['fail'][0]): void => {
    if (error.attempts.length > 0) return;
    const { tracer, name } = this.#options;
    const attributes = { ...this.#attributes(method, error.origin, path), 'pooled_backend.name': name };
    const startTime = systemClock.wallNow() - durationMs;
    const span = tracer.startSpan(spanName(method), { kind: SpanKind.CLIENT, startTime, attributes }, context.active());
    end(span, undefined, error);
  };

  #attributes(method: string, origin: string | undefined, path: string): Attributes {
    const server = origin === undefined ? {} : { ...serverAttributes(origin), 'url.full': fullUrl(origin, path) };
    return { ...methodAttributes(method), ...server, ...PROTOCOL };
  }
}

function end(span: Span, statusCode: number | undefined, error: BackendEvents['fail'][0]['error'] | undefined): void {
  const attributes = endAttributes(statusCode, error);
  span.setAttributes(attributes);
  if (error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
  else if ('error.type' in attributes) span.setStatus({ code: SpanStatusCode.ERROR });
  span.end();
}
