import {
  type Attributes,
  context,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import {
  AggregationTemporality,
  type DataPoint,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { instrumentBackend, type OpenTelemetryOptions } from 'pooled-backend/otel';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { MemoryBackend, type MemoryBackendOptions } from '../../memory-backend.js';

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
});
afterAll(() => {
  context.disable();
  propagation.disable();
});

const HOUR_MS = 3_600_000;

/** A backend that is instrumented, and what the SDK would export of it. */
async function instrumented(given: MemoryBackendOptions = {}, options: OpenTelemetryOptions = {}) {
  const backend = await MemoryBackend.open({ spareConnections: false, ...given });
  const spanExporter = new InMemorySpanExporter();
  const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spanExporter)] });
  const metricExporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter: metricExporter, exportIntervalMillis: HOUR_MS });
  const meterProvider = new MeterProvider({ readers: [reader] });
  onTestFinished(() => meterProvider.shutdown());
  const watched = Object.assign(backend.emitter, { stats: () => backend.stats });
  const instrumentation = instrumentBackend(watched, { tracerProvider, meterProvider, ...options });
  const points = async (name: string): Promise<DataPoint<unknown>[]> => {
    metricExporter.reset();
    await reader.forceFlush();
    const scopes = metricExporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics);
    const found = scopes.flatMap(({ metrics }) => metrics).find(({ descriptor }) => descriptor.name === name);
    return (found?.dataPoints ?? []) as DataPoint<unknown>[];
  };
  const spans = () => spanExporter.getFinishedSpans();
  return { backend, spans, points, instrumentation, tracer: tracerProvider.getTracer('test') };
}

const traceparents = (heard: string) => [...heard.matchAll(/^traceparent: (.*)\r$/gm)].map(([, value]) => value);

describe('spans', () => {
  test('there is one for an attempt, with the attributes of an HTTP client', async () => {
    const { backend, spans } = await instrumented();
    await backend.sent({ method: 'PUT', path: '/a?sig=secret&b=1' });
    await backend.advance(20);
    const peer = await backend.accept();
    peer.answer({ status: 201 });
    await backend.settle();
    expect(spans().map(({ name, kind, attributes, status }) => ({ name, kind, attributes, status }))).toEqual([
      {
        name: 'PUT',
        kind: SpanKind.CLIENT,
        attributes: {
          'http.request.method': 'PUT',
          'url.scheme': 'http',
          'url.full': 'http://a.test:80/a?sig=REDACTED&b=1',
          'server.address': 'a.test',
          'server.port': 80,
          'network.protocol.name': 'http',
          'network.protocol.version': '1.1',
          'http.response.status_code': 201,
          'pooled_backend.name': 'default',
          'pooled_backend.connection.reused': false,
          'pooled_backend.connection.wait_time': 0.02,
        },
        status: { code: SpanStatusCode.UNSET },
      },
    ]);
  });

  test('credentials in a query are not shown', async () => {
    const { backend, spans } = await instrumented();
    const names = ['AWSAccessKeyId', 'Signature', 'sig', 'X-Goog-Signature'];
    const all = [...names, 'X-Amz-Credential', 'X-Amz-Security-Token', 'X-Amz-Signature'];
    await backend.sent({ path: `/a?${all.map((name) => `${name}=secret%2F`).join('&')}&b=1` });
    (await backend.accept()).answer();
    await backend.settle();
    const shown = all.map((name) => `${name}=REDACTED`).join('&');
    expect(spans()[0]?.attributes['url.full']).toBe(`http://a.test:80/a?${shown}&b=1`);
  });

  test('each attempt has its own, with its number, its error, and its traceparent sent', async () => {
    const { backend, spans, tracer } = await instrumented();
    const parent = tracer.startSpan('server', {}, ROOT_CONTEXT);
    context.with(trace.setSpan(ROOT_CONTEXT, parent), () => void backend.send({ fields: ['Traceparent', 'theirs'] }));
    await backend.settle();
    const peer = await backend.accept();
    peer.fin();
    await backend.settle();
    const other = await backend.accept();
    other.answer();
    await backend.settle();
    const [first, second] = spans();
    expect([first, second].map((span) => span?.attributes['http.request.resend_count'])).toEqual([undefined, 1]);
    expect([first, second].map((span) => span?.attributes['error.type'])).toEqual(['connection_terminated', undefined]);
    expect(first?.status.code).toBe(SpanStatusCode.ERROR);
    const { traceId, spanId } = parent.spanContext();
    expect([first, second].map((span) => span?.parentSpanContext?.spanId)).toEqual([spanId, spanId]);
    expect([peer, other].map(({ heard }) => traceparents(heard))).toEqual([
      [`00-${traceId}-${first?.spanContext().spanId}-01`],
      [`00-${traceId}-${second?.spanContext().spanId}-01`],
    ]);
  });

  test('of requests on one reused connection have their own parents', async () => {
    const { backend, spans, tracer } = await instrumented({ maxConnections: 1 });
    const parents = ['one', 'two'].map((name) => tracer.startSpan(name, {}, ROOT_CONTEXT));
    for (const parent of parents) context.with(trace.setSpan(ROOT_CONTEXT, parent), () => void backend.send());
    await backend.settle();
    const peer = await backend.accept();
    for (const _ of parents) {
      peer.answer();
      await backend.settle();
    }
    const wanted = parents.map((parent) => parent.spanContext().spanId);
    expect(spans().map(({ parentSpanContext }) => parentSpanContext?.spanId)).toEqual(wanted);
  });

  test.each([
    [404, SpanStatusCode.ERROR, '404'],
    [500, SpanStatusCode.ERROR, '500'],
    [304, SpanStatusCode.UNSET, undefined],
  ])('an answer of %d has the status %d', async (status, code, type) => {
    const { backend, spans } = await instrumented();
    await backend.sent();
    (await backend.accept()).answer({ status });
    await backend.settle();
    expect(spans().map((span) => [span.status.code, span.attributes['error.type']])).toEqual([[code, type]]);
  });

  test('there is one for a request that failed without an attempt', async () => {
    const { backend, spans } = await instrumented({ queueTimeout: 50 });
    await backend.sent();
    await backend.advance(51);
    await backend.settle();
    const [span] = spans();
    expect([spans().length, span?.name, span?.attributes['error.type']]).toEqual([1, 'GET', 'connection_timeout']);
  });

  test('a method that somebody invented names neither a span nor a series', async () => {
    const { backend, spans, points } = await instrumented();
    await backend.sent({ method: 'BREW' });
    (await backend.accept()).answer();
    await backend.settle();
    const [span] = spans();
    expect([
      span?.name,
      span?.attributes['http.request.method'],
      span?.attributes['http.request.method_original'],
    ]).toEqual(['HTTP', '_OTHER', 'BREW']);
    const [point] = await points('http.client.request.duration');
    expect(point?.attributes['http.request.method']).toBe('_OTHER');
  });

  test('without propagation origins are told nothing', async () => {
    const { backend, spans } = await instrumented({}, { propagate: false });
    await backend.sent();
    const peer = await backend.accept();
    peer.answer();
    await backend.settle();
    expect([traceparents(peer.heard), spans().length]).toEqual([[], 1]);
  });
});

describe('metrics', () => {
  test('http.client.request.duration has an attempt in seconds, and the bounds of the conventions', async () => {
    const { backend, points } = await instrumented();
    await backend.sent();
    const peer = await backend.accept();
    await backend.advance(30);
    peer.answer();
    await backend.settle();
    const [point] = await points('http.client.request.duration');
    expect(point?.attributes).toEqual({
      'http.request.method': 'GET',
      'http.response.status_code': 200,
      'server.address': 'a.test',
      'server.port': 80,
      'url.scheme': 'http',
      'network.protocol.name': 'http',
      'network.protocol.version': '1.1',
    });
    expect(point?.value).toMatchObject({
      count: 1,
      sum: 0.03,
      buckets: { boundaries: [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10] },
    });
  });

  test('the open connections are those of the moment, by state', async () => {
    const { backend, points } = await instrumented();
    await backend.sent();
    await backend.sent();
    (await backend.accept()).answer();
    await backend.accept();
    await backend.settle();
    const states = async (name: string, state: string) => {
      const all = (await points(name)).map(({ attributes, value }) => [(attributes as Attributes)[state], value]);
      return Object.fromEntries(all);
    };
    const counts = backend.originStats().connections;
    expect(await states('http.client.open_connections', 'http.connection.state')).toEqual({
      active: counts.busy,
      idle: counts.idle,
    });
    expect(await states('pooled_backend.connection.count', 'pooled_backend.connection.state')).toEqual({
      used: counts.busy,
      idle: counts.idle,
    });
    expect(counts).toMatchObject({ busy: 1, idle: 1 });
  });

  test('the pool has its limit, its waits, its dials, its re-sends', async () => {
    const { backend, points } = await instrumented({ maxConnections: 1, queueTimeout: 100 });
    await backend.sent();
    await backend.sent();
    await backend.advance(40);
    const peer = await backend.accept();
    const value = async (name: string) => (await points(name)).map((point) => point.value);
    expect(await value('pooled_backend.connection.max')).toEqual([1]);
    expect(await value('pooled_backend.connection.pending_requests')).toEqual([1]);
    expect(await value('pooled_backend.connection.create_time')).toMatchObject([{ count: 1, sum: 0.04 }]);
    await backend.advance(61);
    peer.answer();
    await backend.settle();
    expect(await value('pooled_backend.connection.timeouts')).toEqual([1]);
    expect(await value('pooled_backend.connection.wait_time')).toMatchObject([{ count: 2 }]);
    expect(await value('pooled_backend.connection.use_time')).toMatchObject([{ count: 1, sum: 0.061 }]);
    await backend.sent();
    peer.fin();
    await backend.settle();
    const resends = await points('pooled_backend.resends');
    expect(resends.map(({ value: count, attributes }) => [count, attributes['pooled_backend.resend.reason']])).toEqual([
      [1, 'reused-closed'],
    ]);
  });
});

describe('the end', () => {
  test('comes with the backend: nothing listens any more, and spans that run are ended', async () => {
    const { backend, spans, instrumentation } = await instrumented();
    const before = backend.emitter.listenerCount('attempt');
    await backend.sent();
    await backend.accept();
    backend.emitter.emit('close', { error: undefined });
    instrumentation.uninstrument();
    expect([before, backend.emitter.listenerCount('attempt'), spans().length]).toEqual([1, 0, 1]);
  });

  test.each<[OpenTelemetryOptions, string, number]>([
    [{ tracerProvider: false }, 'attempt', 0],
    [{ meterProvider: false }, 'connect', 1], // the backend's own
  ])('what is switched off with %j does not listen', async (options, name, listeners) => {
    const { backend } = await instrumented({}, options);
    expect(backend.emitter.listenerCount(name as 'attempt')).toBe(listeners);
  });
});

test.each<[object, string]>([
  [{ nmae: 'x' }, 'unknown option nmae'],
  [{ name: '' }, 'name must be a string'],
  [{ propagate: 'no' }, 'propagate must be'],
  [{ meterProvider: {} }, 'getMeter'],
])('options %j are refused, and nothing listens', async (options, message) => {
  const backend = await MemoryBackend.open();
  const watched = Object.assign(backend.emitter, { stats: () => backend.stats });
  expect(() => instrumentBackend(watched, options)).toThrow(message);
  expect(backend.emitter.listenerCount('attempt')).toBe(0);
});
