/** What OpenTelemetry is told of backends that share an origin, and of origins that come and go. */

import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { instrumentBackend } from 'pooled-backend/otel';
import { expect, onTestFinished, test } from 'vitest';
import { MeteredSource } from './metered-source.js';

const HOUR_MS = 3_600_000;
const A = 'http://a.test:80';
const B = 'http://b.test:80';

/** What a reader of the SDK would export; a provider may have several. */
function reading() {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: HOUR_MS });
  /** By `pooled_backend.name` and `server.address`, all states together. */
  const read = async (name: string) => {
    exporter.reset();
    await reader.forceFlush();
    const metrics = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((one) => one.metrics));
    const sums: Record<string, number> = {};
    for (const { attributes, value } of metrics.find(({ descriptor }) => descriptor.name === name)?.dataPoints ?? []) {
      const key = `${attributes['pooled_backend.name']} ${attributes['server.address']}`;
      sums[key] = (sums[key] ?? 0) + Number(value);
    }
    return sums;
  };
  return { reader, read };
}

/** With so many idle connections to each origin. */
async function sourceOf(idle: number, ...origins: string[]): Promise<MeteredSource> {
  const source = await MeteredSource.create(...origins);
  source.origins = source.origins.map((one) => {
    return { ...one, connections: { ...one.connections, open: idle, idle, max: 10 } };
  });
  return source;
}

function providerOf(...readers: PeriodicExportingMetricReader[]): MeterProvider {
  const meterProvider = new MeterProvider({ readers });
  onTestFinished(() => meterProvider.shutdown());
  return meterProvider;
}

test('the connections of two backends to one origin are not taken for the same', async () => {
  const { reader, read } = reading();
  const meterProvider = providerOf(reader);
  for (const [name, idle] of [
    ['five', 5],
    ['two', 2],
  ] as const)
    instrumentBackend(await sourceOf(idle, A), { name, meterProvider, tracerProvider: false });
  expect(await read('http.client.open_connections')).toEqual({ 'five a.test': 5, 'two a.test': 2 });
});

test.each(['http.client.open_connections', 'pooled_backend.connection.count', 'pooled_backend.connection.max'])(
  '%s is 0 for an origin that was removed, for each reader, until it comes back',
  async (name) => {
    const readings = [reading(), reading()];
    const source = await sourceOf(3, A, B);
    instrumentBackend(source, {
      meterProvider: providerOf(...readings.map(({ reader }) => reader)),
      tracerProvider: false,
    });
    const read = () => Promise.all(readings.map((one) => one.read(name)));
    const [before] = await read();
    const gone = source.remove(A);
    const without = { ...before, 'default a.test': 0 };
    expect([await read(), await read()]).toEqual([
      [without, without],
      [without, without],
    ]);
    if (gone !== undefined) source.add(gone);
    expect(await read()).toEqual([before, before]);
  },
);

test('all is 0 for a backend that is closed, however many origins it had, until another has its name', async () => {
  const { reader, read } = reading();
  const meterProvider = providerOf(reader);
  const origins = Array.from({ length: 150 }, (_, index) => `http://o${index}.test:80`);
  const instrument = async () => {
    const source = await sourceOf(1, ...origins);
    return instrumentBackend(source, { meterProvider, tracerProvider: false });
  };
  const sum = async () => {
    return Object.values(await read('http.client.open_connections')).reduce((one, other) => one + other, 0);
  };
  const { uninstrument } = await instrument();
  const before = await sum();
  uninstrument();
  const closed = [await sum(), await sum()];
  await instrument();
  expect([before, ...closed, await sum()]).toEqual([150, 0, 0, 150]);
});
