import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BackendError } from 'pooled-backend';
import { registerMetrics } from 'pooled-backend/prometheus';
import {
  AggregatorRegistry,
  Counter,
  type OpenMetricsContentType,
  openMetricsContentType,
  Registry,
} from 'prom-client';
import { describe, expect, onTestFinished, test } from 'vitest';
import { MeteredSource } from './metered-source.js';

const A = 'http://a.test:80';
const B = 'http://b.test:80';
const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const HAS_PROMTOOL = spawnSync('promtool', ['--version']).status === 0;
const EXPECTS_PROMTOOL = process.env.REQUIRE_REAL_SERVERS !== undefined;

async function registered(...origins: string[]) {
  const source = await MeteredSource.create(...(origins.length === 0 ? [A] : origins));
  const registry = new Registry();
  const metrics = registerMetrics(source, { registry });
  const value = async (series: string) => {
    const line = (await registry.metrics()).split('\n').find((one) => one.startsWith(`${series} `));
    return line === undefined ? undefined : Number(line.slice(series.length + 1));
  };
  return { source, registry, metrics, value };
}

const opened = (origin: string) => `pooled_backend_connections_opened_total{backend="default",origin="${origin}"}`;

describe('gauges and counters', () => {
  test('are read when they are scraped', async () => {
    const { source, value } = await registered();
    source.dialled(A, 3);
    expect(await value(opened(A))).toBe(3);
    source.dialled(A, 5);
    expect(await value(opened(A))).toBe(5);
  });

  test('go to a registry that writes OpenMetrics, too', async () => {
    const registry = new Registry<OpenMetricsContentType>();
    registry.setContentType(openMetricsContentType);
    registerMetrics(await MeteredSource.create(A), { registry });
    expect(await registry.metrics()).toMatch(
      /^# TYPE pooled_backend_exchanges counter\npooled_backend_exchanges_total\{/m,
    );
  });

  test('are of every count that a backend has', async () => {
    const { registry } = await registered();
    const text = await registry.metrics();
    for (const name of ['connections', 'queue_length', 'requests_in_flight', 'spool_bytes', 'exchanges_total']) {
      expect(text).toContain(`\npooled_backend_${name}{`);
    }
  });

  test('of discovery are only of a backend that finds its origins', async () => {
    const { source, value, registry } = await registered();
    expect(await registry.metrics()).not.toContain('pooled_backend_discovery_origins{');
    source.discovery = {
      ...{ source: 'dns', state: 'waiting', sets: 4, origins: 3, failures: 2, failed: 5 },
      ...{ error: 'no answer', foundMsAgo: 1_500, nextInMs: 10 },
    };
    const names = ['origins', 'age_seconds', 'failures', 'sets_total', 'failures_total'];
    const values = names.map((name) => value(`pooled_backend_discovery_${name}{backend="default"}`));
    expect(await Promise.all(values)).toEqual([3, 1.5, 2, 4, 5]);
  });

  test('of the connections name each in one state', async () => {
    const { source, value } = await registered();
    const [origin] = source.origins;
    if (origin === undefined) throw new Error('no origin');
    const connections = { ...origin.connections, open: 5, busy: 2, idle: 3, spare: 1, dialling: 4 };
    source.origins = [{ ...origin, connections }];
    const states = ['busy', 'idle', 'spare', 'dialling'].map((state) =>
      value(`pooled_backend_connections{backend="default",origin="${A}",state="${state}"}`),
    );
    expect(await Promise.all(states)).toEqual([2, 2, 1, 4]);
  });
});

test('requests that clients gave up are counted apart from those that failed', async () => {
  const { source, value } = await registered();
  const [origin] = source.origins;
  if (origin === undefined) throw new Error('no origin');
  const delivery = { unsent: 1, unknown: 5, answered: 0 };
  source.origins = [{ ...origin, delivery, aborted: { unsent: 0, unknown: 4, answered: 0 } }];
  const labels = `backend="default",origin="${A}",delivery="unknown"`;
  const counts = ['failed', 'aborted'].map((what) => value(`pooled_backend_${what}_requests_total{${labels}}`));
  expect(await Promise.all(counts)).toEqual([1, 4]);
});

describe('when an origin is removed', () => {
  test('its counters stay, so that no sum falls, and its gauges go', async () => {
    const { source, registry, value } = await registered(A, B);
    source.dialled(A, 7);
    source.dialled(B, 3);
    await registry.metrics();
    source.remove(A);
    expect([await value(opened(A)), await value(opened(B))]).toEqual([7, 3]);
    expect(await value(`pooled_backend_connections_limit{backend="default",origin="${A}"}`)).toBeUndefined();
  });

  test('and comes back counting from zero, its counters go on', async () => {
    const { source, registry, value } = await registered(A, B);
    source.dialled(A, 7);
    await registry.metrics();
    const again = source.remove(A);
    await registry.metrics();
    if (again !== undefined) source.add({ ...again, dialled: 2 });
    expect(await value(opened(A))).toBe(9);
    source.dialled(A, 4);
    expect(await value(opened(A))).toBe(11);
  });

  test('and has counted more than before when it is looked at again, all of that is added', async () => {
    const { source, registry, value } = await registered(A, B);
    source.dialled(A, 7);
    await registry.metrics();
    const again = source.remove(A);
    if (again !== undefined) source.add({ ...again, dialled: 9 });
    expect(await value(opened(A))).toBe(16);
  });

  test('and a hundred others after it, nothing of it is shown any more', async () => {
    const { source, registry, value } = await registered(A, B);
    source.answered(A, 200, 5);
    await registry.metrics();
    const gone = source.remove(A);
    if (gone === undefined) throw new Error('no origin');
    for (let number = 0; number < 101; number += 1) {
      const origin = `http://10.0.0.${number}:80`;
      source.add({ ...gone, origin });
      await registry.metrics();
      source.remove(origin);
    }
    const text = await registry.metrics();
    expect([await value(opened(A)), text.includes(`origin="${A}"`)]).toEqual([undefined, false]);
    expect(await value(opened('http://10.0.0.100:80'))).toBe(0);
  });

  test('and a hundred others after it, nothing of it is held any more, though nobody scrapes', async () => {
    const { source, registry } = await registered();
    for (let number = 0; number < 300; number += 1) {
      const origin = `http://10.0.1.${number}:80`;
      source.answered(origin, 200, 5);
      source.remove(origin);
      source.answered(origin, 200, 5); // its last: the connection was done with it before
    }
    const held = await registry.getSingleMetric('pooled_backend_request_duration_seconds')?.get();
    expect(new Set(held?.values.map(({ labels }) => labels.origin)).size).toBe(100);
  });
});

describe('histograms', () => {
  test('have the class of the method and of the status, and no path', async () => {
    const { source, registry, value } = await registered();
    source.answered(A, 204, 30);
    source.answered(A, 200, 2_000);
    source.answered(A, 503, 1, 'MKCOL');
    const [labels, other] = [
      `backend="default",origin="${A}",method="safe",status="2xx"`,
      `backend="default",origin="${A}",method="other",status="5xx"`,
    ];
    const name = 'pooled_backend_request_duration_seconds';
    const values = [`${name}_count{${labels}}`, `${name}_sum{${labels}}`, `${name}_count{${other}}`].map(value);
    expect(await Promise.all(values)).toEqual([2, 2.03, 1]);
    expect(await value(`${name}_bucket{le="0.05",${labels}}`)).toBe(1);
    expect(await registry.metrics()).not.toContain('secret');
  });

  test('count failures, and what they waited, with no origin where there was none', async () => {
    const { source, value } = await registered();
    const error = new BackendError('connection_limit_reached', 'full');
    const times = { durationMs: 40, waitedMs: 40, connectMs: 0, responseMs: undefined, sentBytes: 0, receivedBytes: 0 };
    source.emit('fail', { request: 1, method: 'GET', path: '/', error, ...times });
    const labels = 'backend="default",origin="",method="safe",status="failed"';
    expect(await value(`pooled_backend_request_duration_seconds_count{${labels}}`)).toBe(1);
    expect(await value('pooled_backend_request_wait_seconds_sum{backend="default"}')).toBe(0.04);
  });

  test('tell requests that their clients gave up from those that failed', async () => {
    const { source, value } = await registered();
    const error = new BackendError('client_aborted', 'left', { origin: A });
    const times = { durationMs: 40, waitedMs: 0, connectMs: 0, responseMs: undefined, sentBytes: 0, receivedBytes: 0 };
    source.emit('fail', { request: 1, method: 'GET', path: '/', error, ...times });
    const labels = `backend="default",origin="${A}",method="safe"`;
    const counts = ['aborted', 'failed'].map((status) =>
      value(`pooled_backend_request_duration_seconds_count{${labels},status="${status}"}`),
    );
    expect(await Promise.all(counts)).toEqual([1, undefined]);
  });

  test('have the time of each dial', async () => {
    const { source, value } = await registered();
    source.emit('connect', { origin: A, open: 1, durationMs: 12 });
    expect(await value(`pooled_backend_dial_duration_seconds_sum{backend="default",origin="${A}"}`)).toBe(0.012);
  });
});

describe('one registry', () => {
  test('has several backends, by name', async () => {
    const { source, registry, value } = await registered();
    const other = await MeteredSource.create(B);
    registerMetrics(other, { registry, name: 'other' });
    source.dialled(A, 1);
    other.dialled(B, 2);
    const both = [opened(A), `pooled_backend_connections_opened_total{backend="other",origin="${B}"}`].map(value);
    expect(await Promise.all(both)).toEqual([1, 2]);
  });

  test('refuses two backends of one name', async () => {
    const { registry } = await registered();
    const other = await MeteredSource.create(B);
    expect(() => registerMetrics(other, { registry })).toThrow('registered as "default"');
    expect(other.eventNames()).toEqual([]);
  });

  test('keeps what is not ours, and nothing of ours, when the last backend is closed', async () => {
    const { source, registry } = await registered();
    new Counter({ name: 'mine_total', help: 'mine', registers: [registry] });
    source.answered(A, 200, 5);
    source.emit('close', { error: undefined });
    expect([registry.getMetricsAsArray().map(({ name }) => name), source.eventNames()]).toEqual([['mine_total'], []]);
  });

  test('keeps the others when one is unregistered, and takes one of that name again', async () => {
    const { source, registry, metrics } = await registered();
    const other = await MeteredSource.create(B);
    registerMetrics(other, { registry, name: 'other' });
    source.answered(A, 200, 5);
    metrics.unregister();
    metrics.unregister();
    const text = await registry.metrics();
    expect([text.includes('backend="default"'), text.includes('backend="other"')]).toEqual([false, true]);
    registerMetrics(source, { registry });
    expect(await registry.metrics()).toContain('backend="default"');
  });

  test('that was cleared gets the metrics anew', async () => {
    const { registry } = await registered();
    registry.clear();
    registerMetrics(await MeteredSource.create(A), { registry });
    expect(await registry.metrics()).toContain('pooled_backend_queue_length{backend="default"} 0');
  });
});

test('a scrape of all workers of a cluster adds up what can be added up, and shows the worst of the rest', async () => {
  const workers = await Promise.all([registered(), registered(), registered()]);
  const [{ source }] = workers;
  source.origins = source.origins.map((one) => ({ ...one, health: { ...one.health, state: 'ejected' } }));
  const found = await Promise.all(workers.map(({ registry }) => registry.getMetricsAsJSON()));
  const lines = (await AggregatorRegistry.aggregate(found).metrics()).split('\n');
  const of = (name: string) => lines.find((line) => line.startsWith(`pooled_backend_${name}{`))?.split(' ')[1];
  expect(['origin_healthy', 'origin_reachable', 'idle_limit_seconds', 'connections_limit'].map(of)).toEqual([
    '0',
    '1',
    '60',
    '300',
  ]);
});

test.each<[object, string]>([
  [{ nmae: 'x' }, 'unknown option nmae'],
  [{ name: '' }, 'name must be a string'],
  [{ buckets: [1, 1] }, 'buckets must be'],
  [{ buckets: [0, 1] }, 'buckets must be'],
  [{ buckets: 5 }, 'buckets must be a list of increasing numbers'],
  [{ registry: {} }, 'registry must be a Registry'],
])('options %j are refused', async (options, message) => {
  const source = await MeteredSource.create(A);
  expect(() => registerMetrics(source, options)).toThrow(message);
});

describe('what is shipped for Prometheus', () => {
  async function names(): Promise<Set<string>> {
    const { registry, source } = await registered();
    source.answered(A, 200, 5);
    source.emit('connect', { origin: A, open: 1, durationMs: 1 });
    const text = await registry.metrics();
    return new Set([...text.matchAll(/^(pooled_backend_\w+)/gm)].map(([, name = '']) => name));
  }

  async function allNames(): Promise<Set<string>> {
    const { registry } = await registered();
    return new Set([...(await names()), ...registry.getMetricsAsArray().map(({ name }) => name)]);
  }

  test.each(['docs/grafana/pooled-backend.json', 'docs/prometheus/alerts.yml', 'docs/metrics.md'])(
    'every metric that %s names exists',
    async (file) => {
      const text = readFileSync(`${ROOT}/${file}`, 'utf8');
      const named = new Set([...text.matchAll(/pooled_backend_\w+/g)].map(([name]) => name));
      const there = await allNames();
      expect([...named].filter((name) => !there.has(name))).toEqual([]);
      expect(named.size).toBeGreaterThan(5);
    },
  );

  test('docs/metrics.md has every metric, with its kind and labels', async () => {
    const { registry } = await registered();
    const rows = readFileSync(`${ROOT}/docs/metrics.md`, 'utf8').match(/^\| `pooled_backend_.*$/gm) ?? [];
    const shown = rows.map((row) =>
      row
        .split('|')
        .slice(1, 4)
        .map((cell) => cell.replaceAll('`', '').trim()),
    );
    const wanted = (await registry.getMetricsAsJSON()).map(({ name, type }) => [name, String(type)]);
    expect(shown.map(([name, kind]) => [name, kind]).toSorted()).toEqual(wanted.toSorted());
  });

  test('the dashboard is JSON, with panels that each ask something of one data source', () => {
    const dashboard = JSON.parse(readFileSync(`${ROOT}/docs/grafana/pooled-backend.json`, 'utf8'));
    const panels: { title: string; targets?: { expr: string }[]; datasource?: { uid: string } }[] = dashboard.panels;
    const asking = panels.filter(({ targets }) => targets !== undefined);
    expect(asking.length).toBeGreaterThan(8);
    for (const { title, targets, datasource } of asking) {
      expect([title, targets?.every(({ expr }) => expr !== ''), datasource?.uid]).toEqual([title, true, '$datasource']);
    }
  });

  const promtool = (words: readonly string[], input = '') => {
    const { status, stdout, stderr } = spawnSync('promtool', words, { input, encoding: 'utf8' });
    return { status, complaints: status === 0 ? stderr : stdout + stderr };
  };

  test.runIf(HAS_PROMTOOL || EXPECTS_PROMTOOL)('promtool finds no fault in the metrics', async () => {
    const { registry, source } = await registered(A, B);
    source.answered(A, 200, 5);
    source.emit('connect', { origin: A, open: 1, durationMs: 1 });
    expect(promtool(['check', 'metrics'], await registry.metrics())).toEqual({ status: 0, complaints: '' });
  });

  test.runIf(HAS_PROMTOOL || EXPECTS_PROMTOOL)('promtool finds no fault in the alerts', () => {
    expect(promtool(['check', 'rules', `${ROOT}/docs/prometheus/alerts.yml`])).toEqual({ status: 0, complaints: '' });
  });

  test.runIf(HAS_PROMTOOL || EXPECTS_PROMTOOL).each<[boolean, string, object]>([
    [true, 'every connection is busy or being dialled', { a: { busy: 99, dialling: 1 } }],
    [true, 'the one origin that serves has no more, beside a standby or one that is out', { a: { busy: 100 }, b: {} }],
    [false, 'a connection is free', { a: { busy: 99 } }],
    [false, 'no origin can be reached', { a: { dialling: 1 } }],
  ])('a backend is called saturated (%s) where requests wait and %s', (isTold, _, origins) => {
    const of = (metric: string, origin: string, state?: string) =>
      `${metric}{job="gateway",instance="1",backend="default",origin="${origin}"${state === undefined ? '' : `,state="${state}"`}}`;
    const series = Object.entries(origins).flatMap(([origin, counts]: [string, Record<string, number>]) => [
      { series: of('pooled_backend_connections_limit', origin), values: '100x10' },
      ...['busy', 'idle', 'spare', 'dialling'].map((state) => ({
        series: of('pooled_backend_connections', origin, state),
        values: `${counts[state] ?? 0}x10`,
      })),
    ]);
    const waiting = 'pooled_backend_queue_length{job="gateway",instance="1",backend="default"}';
    const told = {
      expr: 'count(ALERTS{alertname="PooledBackendSaturated"}) or vector(0)',
      ...{ eval_time: '8m', exp_samples: [{ labels: '{}', value: isTold ? 1 : 0 }] },
    };
    const input_series = [...series, { series: waiting, values: '5x10' }];
    const folder = mkdtempSync(join(tmpdir(), 'alerts-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const rule_files = [`${ROOT}/docs/prometheus/alerts.yml`];
    const tests = [{ interval: '1m', input_series, promql_expr_test: [told] }];
    writeFileSync(join(folder, 'test.yml'), JSON.stringify({ rule_files, tests }));
    expect(promtool(['test', 'rules', join(folder, 'test.yml')])).toEqual({ status: 0, complaints: '' });
  });

  test.runIf(HAS_PROMTOOL || EXPECTS_PROMTOOL)('promtool can read what each panel asks', () => {
    const dashboard = JSON.parse(readFileSync(`${ROOT}/docs/grafana/pooled-backend.json`, 'utf8'));
    const asked: string[] = dashboard.panels.flatMap(({ targets = [] }: { targets?: { expr: string }[] }) =>
      targets.map(({ expr }) => expr.replaceAll('$__rate_interval', '1m')),
    );
    const rules = asked.map((expr, index) => ({ record: `asked:${index}`, expr }));
    const folder = mkdtempSync(join(tmpdir(), 'panels-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, 'rules.yml'), JSON.stringify({ groups: [{ name: 'panels', rules }] }));
    expect(promtool(['check', 'rules', join(folder, 'rules.yml')])).toEqual({ status: 0, complaints: '' });
  });
});
