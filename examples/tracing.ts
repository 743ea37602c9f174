/** Spans of OpenTelemetry: a request that is sent twice, and what its origin hears of it. */

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { context, propagation } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { PooledBackend } from 'pooled-backend';
import { instrumentBackend } from 'pooled-backend/otel';

// The set-up of the SDK, which is the application's. A real one exports to a collector.
const exporter = new InMemorySpanExporter();
const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
propagation.setGlobalPropagator(new W3CTraceContextPropagator());

// Hangs up on every second request.
const heard: (string | undefined)[] = [];
const origin = createServer((req, res) => {
  heard.push(String(req.headers.traceparent));
  if (heard.length % 2 === 0) req.socket.destroy();
  else res.end('ok\n');
}).listen(0, '127.0.0.1');
await once(origin, 'listening');

const backend = new PooledBackend(`http://127.0.0.1:${(origin.address() as AddressInfo).port}`);
instrumentBackend(backend, { name: 'example', tracerProvider });

// A request of a client has a span, which is the parent of ours.
const tracer = tracerProvider.getTracer('example');
await tracer.startActiveSpan('client', async (span) => {
  for (const path of ['/1', '/2']) await (await backend.request({ path })).body.text();
  span.end();
});

for (const { name, attributes } of exporter.getFinishedSpans()) {
  const outcome = attributes['error.type'] ?? attributes['http.response.status_code'] ?? '';
  console.log(name, attributes['url.full'] ?? '', outcome, attributes['http.request.resend_count'] ?? '');
}
console.log(
  `${heard.length} requests reached the origin, each with a trace context of its own: ${new Set(heard).size}`,
);

await backend.close();
origin.close();
