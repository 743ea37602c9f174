import { describe, expect, test } from 'vitest';
import { optionTable, resolveOptions, upgradeOptionsOf } from '../../src/options.js';
import { authority as CA } from '../wire/certificate.js';
import { deeplyFrozen, URL_A, URL_B } from './option-cases.js';

describe('defaults', () => {
  test('an option that is absent has the default of the table', () => {
    expect(resolveOptions({ origins: [URL_A] })).toEqual({
      origins: [
        {
          origin: 'http://127.0.0.1:9001',
          protocol: 'http:',
          hostname: '127.0.0.1',
          port: 9001,
          authority: '127.0.0.1:9001',
          servername: '127.0.0.1',
          socketPath: undefined,
          weight: 1,
          backup: false,
          maxConnections: 100,
          maxFreshConnections: 100,
        },
      ],
      originsInterval: 30_000,
      dns: undefined,
      subset: undefined,
      maxConnections: 100,
      maxDialling: Number.POSITIVE_INFINITY,
      minConnections: 0,
      nonIdempotent: 'fresh',
      maxFreshConnections: 100,
      spareConnections: 4,
      idempotent: undefined,
      idempotencyKey: false,
      maxQueue: 10_000,
      queueTimeout: 5_000,
      connectTimeout: 5_000,
      sendTimeout: 60_000,
      headersTimeout: 60_000,
      bodyTimeout: 60_000,
      clientTimeout: 60_000,
      requestTimeout: Number.POSITIVE_INFINITY,
      keepAliveTimeout: 60_000,
      maxRequestsPerConnection: Number.POSITIVE_INFINITY,
      maxConnectionAge: Number.POSITIVE_INFINITY,
      maxAttempts: 3,
      retryOn: [],
      retryBudget: { ratio: 0.2, minPerSecond: 10 },
      replayBytes: 65_536,
      requestBufferBytes: 65_536,
      requestBufferTotalBytes: 67_108_864,
      spoolBytes: 262_144,
      spoolTotalBytes: 67_108_864,
      maxHeaderBytes: 16_384,
      balance: 'least-busy',
      ejection: { failures: 5, time: 1_000, maxTime: 60_000, maxEjected: 0.5, statuses: [], outliers: false },
      check: false,
      slowStart: false,
      sticky: false,
      adaptiveConcurrency: false,
      connect: {
        noDelay: true,
        keepAliveInitialDelay: 30_000,
        localAddress: undefined,
        lookup: undefined,
        family: 0,
      },
      tls: {},
      logger: undefined,
    });
  });

  test('an option that is undefined has its default', () => {
    expect(resolveOptions({ origins: [URL_A], maxQueue: undefined, ejection: undefined }).maxQueue).toBe(10_000);
  });

  test('an option that is inherited counts, as the getter of a class does', () => {
    class Settings {
      readonly origins = ['http://o'];
      get maxConnections(): number {
        return 7;
      }
    }
    expect(resolveOptions(new Settings()).maxConnections).toBe(7);
  });

  test('an option of upgrades that is inherited counts as well', () => {
    class Settings {
      get idleTimeout(): number {
        return 7_000;
      }
      get forwarded(): false {
        return false;
      }
    }
    const { idleTimeout, mount } = upgradeOptionsOf(new Settings())(resolveOptions({ origins: [URL_A] }));
    expect([idleTimeout, mount.forwarded]).toEqual([7_000, false]);
  });

  test('a nested object keeps the defaults of what it leaves out', () => {
    expect(resolveOptions({ origins: [URL_A], ejection: { failures: 2 } }).ejection).toEqual({
      failures: 2,
      time: 1_000,
      maxTime: 60_000,
      maxEjected: 0.5,
      statuses: [],
      outliers: false,
    });
  });

  test('the table names every option once', () => {
    const names = optionTable.map((row) => row.name);
    expect(names).toEqual(Object.keys(resolveOptions({ origins: [URL_A] })));
  });

  test('the table shows a default as it is written', () => {
    const shown = Object.fromEntries(optionTable.map((row) => [row.name, row.default]));
    expect(shown).toMatchObject({
      origins: 'required',
      queueTimeout: '5000',
      nonIdempotent: "'fresh'",
      requestTimeout: 'Infinity',
      retryOn: '[]',
      retryBudget: '{ ratio: 0.2, minPerSecond: 10 }',
      ejection: '{ failures: 5, time: 1000, maxTime: 60000, maxEjected: 0.5, statuses: [], outliers: false }',
      tls: '{}',
    });
  });
});

describe('connections of many processes', () => {
  test.each([
    [100, 4, 25],
    [10, 4, 2],
    [4, 4, 1],
  ])('of a total of %d each of %d workers has %d', (total, workers, each) => {
    const resolved = resolveOptions({ origins: [URL_A], maxConnections: { total, workers } });
    expect([resolved.maxConnections, resolved.origins[0]?.maxConnections]).toEqual([each, each]);
  });

  test('of a total that a cluster shares an origin has none before its share', () => {
    const [origin] = resolveOptions({ origins: [URL_A], maxConnections: { total: 100 } }).origins;
    expect([origin?.maxConnections, origin?.maxFreshConnections, origin?.total]).toEqual([0, 100, 100]);
  });

  test('an origin has a total of its own, or a cap of its own in each process', () => {
    const origins = [
      { url: URL_A, maxConnections: { total: 7 } },
      { url: URL_B, maxConnections: 3 },
    ];
    const resolved = resolveOptions({ origins, maxConnections: { total: 100 } }).origins;
    expect(resolved.map(({ total, maxConnections }) => [total, maxConnections])).toEqual([
      [7, 0],
      [undefined, 3],
    ]);
  });
});

describe('freezing', () => {
  test('the result is frozen, and so is all that it holds', () => {
    const resolved = resolveOptions({ origins: [URL_A, { url: URL_B, weight: 3 }], retryOn: [503], tls: { ca: CA } });
    expect(deeplyFrozen(resolved)).toBe(true);
    const key = { cookie: 'user' };
    const lists = { ca: [CA], ALPNProtocols: ['http/1.1'] };
    const deeper = resolveOptions({ origins: [URL_A], balance: { type: 'hash', key }, tls: lists });
    expect([deeplyFrozen(deeper), deeper.balance, deeper.tls]).toEqual([
      true,
      { type: 'hash', key, load: 1.25 },
      lists,
    ]);
  });

  test("the caller's own objects are left as they are", () => {
    const balance = { type: 'hash', key: { cookie: 'user' } } as const;
    const given = { origins: [URL_A], retryOn: [503 as const], tls: { ca: [Buffer.from(CA)] }, balance };
    resolveOptions(given);
    const { origins, retryOn, tls } = given;
    expect([given, origins, retryOn, tls, tls.ca, balance, balance.key].some(Object.isFrozen)).toBe(false);
  });

  test('a list that is changed later changes nothing', () => {
    const retryOn: (502 | 503)[] = [503];
    const resolved = resolveOptions({ origins: [URL_A], retryOn });
    retryOn.push(502);
    expect(resolved.retryOn).toEqual([503]);
  });

  test('logger and balancer are used as they are, so that they keep their this', () => {
    const logger = { debug() {}, info() {}, warn() {}, error() {} };
    const balance = { pick: () => 0 };
    const resolved = resolveOptions({ origins: [URL_A], logger, balance });
    expect(resolved.logger).toBe(logger);
    expect(resolved.balance).toBe(balance);
    expect(Object.isFrozen(logger)).toBe(false);
  });

  test('console is a logger', () => {
    expect(resolveOptions({ origins: [URL_A], logger: console }).logger).toBe(console);
  });
});

describe('dns', () => {
  const dns = (given: object) => resolveOptions({ dns: { name: 'web.example', ...given } }).dns;

  test('what is left out has its default', () => {
    expect(dns({})).toEqual({
      ...{ name: 'web.example', type: 'A', port: undefined, protocol: 'http:', host: 'web.example' },
      ...{ interval: 30_000, servers: undefined },
    });
  });

  test.each([
    ['web.default.svc.cluster.local.', 'web.default.svc.cluster.local'],
    ['_http._tcp.web.example', 'web.example'],
    ['_web._tcp.service.consul.', 'service.consul'],
    ['web.service.consul', 'web.service.consul'],
  ])('the origins of %s are called %s', (name, host) => {
    expect(dns({ name })?.host).toBe(host);
  });

  test.each([
    [{ name: '' }, 'dns.name must be a domain name'],
    [{ name: '10.0.0.1' }, 'dns.name must be a domain name'],
    [{ name: 'http://web.example' }, 'dns.name must be a domain name'],
    [{ type: 'CNAME' }, "dns.type must be 'A', 'AAAA' or 'SRV', got 'CNAME'"],
    [{ type: 'SRV', port: 80 }, 'dns.port must be omitted for SRV'],
    [{ host: 'a/b' }, 'dns.host must be a host name, or host:port'],
    [{ interval: 0 }, 'dns.interval must be a number from 1 to 2147483647, got 0'],
    [{ servers: [] }, 'dns.servers must be a list of IP addresses'],
    [{ servers: ['consul:8600'] }, 'dns.servers must be a list of IP addresses'],
    [{ server: '127.0.0.1' }, 'unknown option dns.server'],
  ])('%j is refused', (given, message) => {
    expect(() => dns(given as object)).toThrow(message);
  });

  test('origins beside it are refused, and limits that no origin could keep', () => {
    const both = { origins: [URL_A], dns: { name: 'web.example' } };
    expect(() => resolveOptions(both)).toThrow('dns cannot be combined with origins');
    const limits = { minConnections: 5, maxConnections: 4 };
    expect(() => resolveOptions({ dns: { name: 'web.example' }, ...limits })).toThrow('minConnections must be at most');
  });
});
