import { describe, expect, test } from 'vitest';
import {
  handlerOptionsOf,
  handlerOptionTable,
  optionTable,
  resolveOptions,
  upgradeOptionsOf,
} from '../../src/options.js';
import { authority as CA } from '../wire/certificate.js';

const URL_A = 'http://127.0.0.1:9001';
const URL_B = 'http://127.0.0.1:9002';
const bad = (options: object) => () => resolveOptions({ origins: [URL_A], ...options });
const onlyOrigin = (origin: unknown) => resolveOptions({ origins: [origin] } as never).origins[0];

function deeplyFrozen(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return Object.isFrozen(value) && Object.values(value).every(deeplyFrozen);
}

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

describe('unknown names throw a TypeError that names them', () => {
  test.each<[string, object]>([
    ['maxSockets', { maxSockets: 1 }],
    ['retryBudget.rate', { retryBudget: { rate: 1 } }],
    ['ejection.after', { ejection: { after: 1 } }],
    ['connect.timeout', { connect: { timeout: 1 } }],
    ['origins[1].wieght', { origins: [URL_A, { url: URL_B, wieght: 2 }] }],
    ['tls.host', { tls: { host: 'elsewhere' } }],
    ['tls.timeout', { tls: { timeout: 5 } }],
    ['tls.rejectUnauthorised', { tls: { rejectUnauthorised: false } }],
    ['constructor', { constructor: 1 }],
  ])('%s', (name, options) => {
    expect(bad(options)).toThrow(TypeError);
    expect(bad(options)).toThrow(`unknown option ${name}`);
  });

  test.each([
    ['maxConnection (did you mean maxConnections?); known: origins,', { maxConnection: 5 }],
    ['retryBudget.rato (did you mean ratio?); known in retryBudget: ratio,', { retryBudget: { rato: 1 } }],
    ['target; known: origins,', { target: 'http://a.test' }],
    ['rewritePath: it is an option of handler(); known: origins,', { rewritePath: () => '/' }],
    ['idleTimeout: it is an option of upgradeHandler(); known: origins,', { idleTimeout: 5 }],
    ['constructor; known: origins,', { constructor: 1 }],
  ])('%s', (end, options) => {
    expect(bad(options)).toThrow(`unknown option ${end}`);
  });

  test.each([
    [{ origins: ['http://a/api'] }, "got 'http://a/api'; only a program can add a path, by rewritePath of handler()"],
    [{ origins: ['127.0.0.1:9001'] }, "got '127.0.0.1:9001'; did you mean 'http://127.0.0.1:9001'?"],
    [{ origins: ['localhost:9001'] }, "got 'localhost:9001'; did you mean 'http://localhost:9001'?"],
    [{ ejection: false }, 'got false; to turn it off use { failures: Infinity }'],
  ])('%j is told what to do', (options, end) => {
    expect(bad(options)).toThrow(end);
  });

  test('the known names are listed', () => {
    expect(bad({ retryBudget: { rate: 1 } })).toThrow('known in retryBudget: ratio, minPerSecond');
  });
});

describe('numbers out of bounds throw a RangeError that names option, bound and value', () => {
  const timeouts = ['queueTimeout', 'connectTimeout', 'sendTimeout', 'headersTimeout', 'bodyTimeout', 'clientTimeout'];
  const durations = [...timeouts, 'requestTimeout', 'keepAliveTimeout', 'maxConnectionAge'];
  test.each(
    durations.flatMap((name) => [0, -1, Number.NaN, -0, Number.NEGATIVE_INFINITY].map((v) => [name, v] as const)),
  )('%s: %d', (name, value) => {
    expect(bad({ [name]: value })).toThrow(RangeError);
    const got = Object.is(value, -0) ? '-0' : String(value);
    const bound = 'must be a number of milliseconds from 1, or Infinity for no limit';
    expect(bad({ [name]: value })).toThrow(`${name} ${bound}, got ${got}`);
  });

  test.each(durations)('%s: Infinity is no limit', (name) => {
    expect(resolveOptions({ origins: [URL_A], [name]: Number.POSITIVE_INFINITY })).toMatchObject({
      [name]: Number.POSITIVE_INFINITY,
    });
  });

  test.each<[string, object]>([
    ['maxConnections must be an integer from 1 to 65535, got 0', { maxConnections: 0 }],
    ['maxConnections must be an integer from 1 to 65535, got 65536', { maxConnections: 65_536 }],
    ['maxConnections.total must be an integer from 1 to 65535, got 0', { maxConnections: { total: 0 } }],
    ['maxConnections.workers must be an integer from 1', { maxConnections: { total: 5, workers: 0 } }],
    ['maxConnections.workers must be at most total (4), got 5', { maxConnections: { total: 4, workers: 5 } }],
    ['minConnections must be at most maxConnections (4), got 5', { maxConnections: { total: 4 }, minConnections: 5 }],
    ['maxConnections must be an integer from 1 to 65535, got 1.5', { maxConnections: 1.5 }],
    ['maxConnections must be an integer from 1 to 65535, got Infinity', { maxConnections: Number.POSITIVE_INFINITY }],
    ['minConnections must be an integer from 0 to 65535, got -1', { minConnections: -1 }],
    ['spareConnections must be an integer from 1 to 65535, or false, got 0', { spareConnections: 0 }],
    ['maxQueue must be an integer from 0, or Infinity for no limit, got NaN', { maxQueue: Number.NaN }],
    ['maxRequestsPerConnection must be an integer from 1', { maxRequestsPerConnection: 0 }],
    ['maxAttempts must be an integer from 1 to 100, got 0', { maxAttempts: 0 }],
    ['retryBudget.ratio must be a number from 0 to 1, got 2', { retryBudget: { ratio: 2 } }],
    ['retryBudget.minPerSecond must be a number from 0, or Infinity', { retryBudget: { minPerSecond: -1 } }],
    ['replayBytes must be an integer from 0 to 1073741824, got -1', { replayBytes: -1 }],
    ['requestBufferBytes must be an integer from 1 to 1073741824, or false, got 0', { requestBufferBytes: 0 }],
    ['maxHeaderBytes must be an integer from 128 to 1048576, got 127', { maxHeaderBytes: 127 }],
    ['ejection.failures must be an integer from 1', { ejection: { failures: 0 } }],
    ['ejection.time must be a number of milliseconds from 1', { ejection: { time: 0 } }],
    ['ejection.maxTime must be at least ejection.time (90000), got 60000', { ejection: { time: 90_000 } }],
    ['ejection.maxEjected must be a number from 0 to 1, got 50', { ejection: { maxEjected: 50 } }],
    ['check.expect must be a status', { check: { expect: 1000 } }],
    [
      'check.interval must be a number from 1 to 2147483647, got Infinity',
      { check: { interval: Number.POSITIVE_INFINITY } },
    ],
    [
      'check.fastInterval must be at most check.interval (500), got 600',
      { check: { interval: 500, fastInterval: 600 } },
    ],
    ['check.rise must be an integer from 1 to 1000', { check: { rise: 0 } }],
    ['slowStart must be a number from 1', { slowStart: 0 }],
    ['adaptiveConcurrency.tolerance must be a number from 1 to 100', { adaptiveConcurrency: { tolerance: 0.5 } }],
    ['ejection.outliers.origins must be an integer from 3', { ejection: { outliers: { origins: 2 } } }],
    ['ejection.outliers.margin must be a number from 0 to 1', { ejection: { outliers: { margin: 5 } } }],
    ['ejection.outliers.slowness must be a number from 1', { ejection: { outliers: { slowness: 0.5 } } }],
    ['tls.minDHSize must be an integer from 1 to 65536, got 0', { tls: { minDHSize: 0 } }],
    [
      'tls.minVersion must be no later than maxVersion, TLSv1.2, got TLSv1.3',
      { tls: { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.2' } },
    ],
    ['connect.keepAliveInitialDelay must be an integer from 1000', { connect: { keepAliveInitialDelay: 0 } }],
    ['origins[0].weight must be an integer from 0 to 256, got 257', { origins: [{ url: URL_A, weight: 257 }] }],
    ['subset.size must be an integer from 1', { subset: { size: 0, id: 'a' } }],
    ['origins[0].maxConnections must be an integer from 1', { origins: [{ url: URL_A, maxConnections: 0 }] }],
    ['minConnections must be at most maxConnections (100), got 101', { minConnections: 101 }],
    [
      'minConnections must be at most origins[0].maxConnections (3), got 4',
      { minConnections: 4, origins: [{ url: URL_A, maxConnections: 3 }] },
    ],
    ['maxFreshConnections must be at most maxConnections (5), got 6', { maxConnections: 5, maxFreshConnections: 6 }],
  ])('%s', (message, options) => {
    expect(bad(options)).toThrow(RangeError);
    expect(bad(options)).toThrow(message);
  });
});

describe('values of the wrong kind throw a TypeError that names option, bound and value', () => {
  test.each<[string, object]>([
    ["maxConnections must be an integer from 1 to 65535, got '100'", { maxConnections: '100' }],
    ['maxConnections must be an integer from 1 to 65535, got null', { maxConnections: null }],
    ['requestTimeout must be a number of milliseconds', { requestTimeout: false }],
    ["nonIdempotent must be 'fresh', 'verified' or 'any', got 'never'", { nonIdempotent: 'never' }],
    ['nonIdempotent must be', { nonIdempotent: false }],
    ['spareConnections must be an integer from 1 to 65535, or false, got true', { spareConnections: true }],
    ['idempotent must be a function, got true', { idempotent: true }],
    ["idempotencyKey must be false or 'honoured', got true", { idempotencyKey: true }],
    ['retryOn must be a list of', { retryOn: [503, 418] }],
    ['retryOn must be a list of', { retryOn: 503 }],
    ['retryBudget must be an object, got false', { retryBudget: false }],
    ['ejection must be an object, got []', { ejection: [] }],
    ["check.type must be 'http', 'tcp' or 'tls', got 'udp'", { check: { type: 'udp' } }],
    ["check.type must be 'http' or 'tcp' for http://127.0.0.1:9001, which has no TLS", { check: { type: 'tls' } }],
    ["check.path requires type 'http', got type 'tcp'", { check: { type: 'tcp', path: '/' } }],
    ['check.path must be a path that begins with /', { check: { path: 'health' } }],
    ['check.method must be a method other than CONNECT', { check: { method: 'CONNECT' } }],
    ['check.host must be a host', { check: { host: 'a b' } }],
    ['maxConnections.total must be an integer from 1 to 65535, got undefined', { maxConnections: {} }],
    ['unknown option maxConnections.max', { maxConnections: { total: 4, max: 5 } }],
    ["check.expect must be a status, a range such as '200-299', or a function", { check: { expect: '2xx' } }],
    ["check.expect must be a status, a range such as '200-299', or a function", { check: { expect: '300-200' } }],
    ['unknown option check.intervall', { check: { intervall: 1 } }],
    ['check must be an object or false', { check: true }],
    ['adaptiveConcurrency must be an object or false', { adaptiveConcurrency: true }],
    ['ejection.statuses must be a list of integers from 500 to 599, got [ 404 ]', { ejection: { statuses: [404] } }],
    ['ejection.outliers must be an object or false, got true', { ejection: { outliers: true } }],
    ["balance.key must be 'path', { cookie: name }", { balance: { type: 'hash' } }],
    ["balance.key must be 'path'", { balance: { type: 'hash', key: 'query' } }],
    ["balance must be 'least-busy', 'round-robin', 'two-choices' or 'first'", { balance: 'random' }],
    ['or an object with pick(), got {}', { balance: {} }],
    ['connect.noDelay must be true or false, got 1', { connect: { noDelay: 1 } }],
    ["connect.localAddress must be an IP address, got 'localhost'", { connect: { localAddress: 'localhost' } }],
    ['connect.lookup must be a function', { connect: { lookup: '8.8.8.8' } }],
    ['connect.family must be 0, 4 or 6, got 5', { connect: { family: 5 } }],
    ['tls must be an object, got true', { tls: true }],
    ["tls.rejectUnauthorized must be true or false, got 'no'", { tls: { rejectUnauthorized: 'no' } }],
    [
      "tls.minVersion must be 'TLSv1', 'TLSv1.1', 'TLSv1.2' or 'TLSv1.3', got 'TLSv9'",
      { tls: { minVersion: 'TLSv9' } },
    ],
    [
      "tls.ca must be certificates in PEM format, not a file path, got '/etc/ca.pem'",
      { tls: { ca: [CA, '/etc/ca.pem'] } },
    ],
    [
      "tls.ALPNProtocols must be a list of names without 'h2', or a buffer of them, got [ 'h2' ]",
      { tls: { ALPNProtocols: ['h2'] } },
    ],
    [
      "tls.ALPNProtocols must be a list of names without 'h2', or a buffer of them, got",
      { tls: { ALPNProtocols: Buffer.from('http/1.1') } },
    ],
    ["tls.ALPNProtocols must be a list of names without 'h2'", { tls: { ALPNProtocols: Buffer.from('\x02h2') } }],
    ["tls.ALPNProtocols must be a list of names without 'h2'", { tls: { ALPNProtocols: ['x'.repeat(256)] } }],
    ['tls.secureContext must be what tls.createSecureContext() gives, got {}', { tls: { secureContext: {} } }],
    ['tls.session must be a buffer, got {}', { tls: { session: {} } }],
    ['tls must be what tls.connect takes: error:', { tls: { key: 'secret' } }],
    ['logger must be an object with debug(), info(), warn() and error()', { logger: { info() {}, error() {} } }],
    [
      'logger must be an object with debug(), info(), warn() and error(), and a function as isLevelEnabled if it has one, got ',
      { logger: { debug() {}, info() {}, warn() {}, error() {}, isLevelEnabled: true } },
    ],
    [
      "origins must be a list of URLs or objects, or a function or async iterable that returns such lists, got 'http://a'",
      { origins: 'http://a' },
    ],
    ['origins must be a list of at least one origin, got []', { origins: [] }],
    ['origins[0] must be a URL or an object with url, got 9001', { origins: [9001] }],
    ['origins[0] must be a URL or an object with url, got undefined', { origins: new Array(2) }],
    ["connect.localAddress must be an IP address, got [ '127.0.0.1' ]", { connect: { localAddress: ['127.0.0.1'] } }],
    ['origins[0].url must be a string or a URL, got undefined', { origins: [{ weight: 1 }] }],
    ['origins[0].backup must be true or false', { origins: [{ url: URL_A, backup: 'yes' }] }],
    ["origins[0].host must be a host name, or host:port, got 'a/b'", { origins: [{ url: URL_A, host: 'a/b' }] }],
    ["origins[0].host must be a host name, or host:port, got 'a:x'", { origins: [{ url: URL_A, host: 'a:x' }] }],
    ["origins[0].host must be a string that is not empty, got ''", { origins: [{ url: URL_A, host: '' }] }],
    ["subset.id must be a string that is not empty, got ''", { subset: { size: 1, id: '' } }],
    ['subset.id must be a string that is not empty, got undefined', { subset: { size: 1 } }],
    ["origins[0].socketPath must be a string that is not empty, got ''", { origins: [{ url: URL_A, socketPath: '' }] }],
  ])('%s', (message, options) => {
    expect(bad(options)).toThrow(TypeError);
    expect(bad(options)).toThrow(message);
  });

  test.each([[undefined], [null], [5], [[]]])('options that are no object: %s', (options) => {
    expect(() => resolveOptions(options as never)).toThrow(TypeError);
  });

  test('options without origins', () => {
    expect(() => resolveOptions({} as never)).toThrow(
      'origins must be a list of URLs or objects, or a function or async iterable that returns such lists, got undefined',
    );
  });
});

describe('origins', () => {
  test('a string is the URL of the only origin', () => {
    expect(resolveOptions(URL_A)).toEqual(resolveOptions({ origins: [URL_A] }));
  });

  test('the name has the port of the scheme, the authority has not', () => {
    expect(onlyOrigin('http://Example.com')).toMatchObject({
      origin: 'http://example.com:80',
      hostname: 'example.com',
      port: 80,
      authority: 'example.com',
    });
    expect(onlyOrigin('https://example.com:443')).toMatchObject({
      origin: 'https://example.com:443',
      protocol: 'https:',
      port: 443,
      authority: 'example.com',
    });
  });

  test('a slash at the end is no path', () => {
    expect(onlyOrigin('http://127.0.0.1:9001/')).toMatchObject({ origin: 'http://127.0.0.1:9001' });
  });

  test('an IPv6 literal has brackets in names, none for the dial', () => {
    expect(onlyOrigin('https://[::1]:8443')).toMatchObject({
      origin: 'https://[::1]:8443',
      hostname: '::1',
      port: 8443,
      authority: '[::1]:8443',
    });
  });

  test('an object sets weight, backup, socket and cap of one origin', () => {
    const backup = { url: 'http://app', weight: 0, backup: true, socketPath: '/run/app.sock', maxConnections: 7 };
    expect(resolveOptions({ origins: [URL_A, backup] }).origins[1]).toMatchObject({
      origin: 'http://app:80',
      weight: 0,
      backup: true,
      socketPath: '/run/app.sock',
      maxConnections: 7,
    });
  });

  test('the share of fresh requests is never above the cap of the origin', () => {
    const origins = [URL_A, { url: URL_B, maxConnections: 3 }];
    const resolved = resolveOptions({ origins, maxConnections: 10, maxFreshConnections: 5 });
    expect(resolved.origins.map((origin) => origin.maxFreshConnections)).toEqual([5, 3]);
  });

  test.each([
    'ftp://127.0.0.1',
    'ws://127.0.0.1',
    '127.0.0.1:9001',
    'http:127.0.0.1',
    'http:\\\\127.0.0.1',
    'http://',
    'http://127.0.0.1/api',
    'http://127.0.0.1//',
    'http://127.0.0.1?x',
    'http://127.0.0.1/?x=1',
    'http://127.0.0.1#x',
    'http://user:secret@127.0.0.1',
    'http://127.0.0.1:0',
    'http://127.0.0.1:65536',
    'http://127.0.0.1:9001\n',
    ' http://127.0.0.1',
    'http://::1',
    '',
  ])('%j is refused', (url) => {
    expect(() => onlyOrigin(url)).toThrow(TypeError);
    expect(() => onlyOrigin(url)).toThrow('origins[0] must be http://host:port or https://host:port');
    expect(() => onlyOrigin({ url })).toThrow('origins[0].url must be http://host:port');
  });

  test.each([new URL('http://EXAMPLE.com:80'), { url: new URL('http://example.com/') }])(
    'a URL object is as good as its text: %j',
    (origin) => {
      expect(onlyOrigin(origin)).toMatchObject({ origin: 'http://example.com:80', authority: 'example.com' });
    },
  );

  test('a URL object alone is the only origin', () => {
    expect(resolveOptions(new URL('http://a:1')).origins.map(({ origin }) => origin)).toEqual(['http://a:1']);
  });

  test.each([
    [
      new URL('http://a/api'),
      "origins[0] must be http://host:port or https://host:port without path, query, fragment or userinfo, got 'http://a/api'",
    ],
    [new URL('http://user:secret@a'), "userinfo, got 'http://***@a/'"],
    [new URL('ftp://a'), 'origins[0] must be http://host:port'],
    [{ url: 5 }, 'origins[0].url must be a string or a URL, got 5'],
    [5, 'origins[0] must be a URL or an object with url, got 5'],
    [null, 'origins[0] must be a URL or an object with url, got null'],
  ])('%s is refused as an origin', (origin, message) => {
    expect(() => resolveOptions({ origins: [origin as unknown as string] })).toThrow(message);
  });

  test.each([-1, 257, 0.5, Number.NaN, Number.POSITIVE_INFINITY])('a weight of %d is out of bounds', (weight) => {
    expect(() => onlyOrigin({ url: URL_A, weight })).toThrow(RangeError);
    expect(() => onlyOrigin({ url: URL_A, weight })).toThrow('origins[0].weight must be an integer from 0 to 256, got');
  });

  test.each(['1', null, 1n, [1]])('a weight is a number: %o is none', (weight) => {
    const origins = [{ url: URL_A, weight: weight as unknown as number }];
    expect(() => resolveOptions({ origins })).toThrow('origins[0].weight must be an integer from 0 to 256, got');
  });

  test('a password in a URL is not repeated in the error', () => {
    expect(() => onlyOrigin('http://user:secret@127.0.0.1')).toThrow("userinfo, got 'http://***@127.0.0.1'");
  });

  test('the same origin twice is refused, however it is written', () => {
    const origins = ['http://example.com', URL_A, { url: 'http://EXAMPLE.com:80/' }];
    expect(() => resolveOptions({ origins })).toThrow(TypeError);
    expect(() => resolveOptions({ origins })).toThrow(
      'origins[2] must differ from origins[0], got http://example.com:80 for both',
    );
  });

  test('the same host over http and https is two origins', () => {
    expect(resolveOptions({ origins: ['http://a', 'https://a'] }).origins).toHaveLength(2);
  });

  test.each([[{ url: URL_A, backup: true }], [{ url: URL_A, weight: 0 }]])('%j alone could serve nothing', (origin) => {
    expect(() => resolveOptions({ origins: [origin] })).toThrow('at least one origin that is not a backup');
  });
});

describe('options of a mount', () => {
  const backend = resolveOptions({ origins: [URL_A], queueTimeout: 77, requestBufferBytes: 99, nonIdempotent: 'any' });

  test('what is absent is the option of the backend, or the default', () => {
    expect(handlerOptionsOf({})(backend)).toEqual({
      nonIdempotent: 'any',
      idempotent: undefined,
      requestBufferBytes: 99,
      timeouts: {
        queueTimeout: 77,
        sendTimeout: 60_000,
        headersTimeout: 60_000,
        bodyTimeout: 60_000,
        requestTimeout: Number.POSITIVE_INFINITY,
      },
      clientTimeout: 60_000,
      expectTimeout: 1_000,
      host: 'preserve',
      forwarded: 'x-forwarded',
      trustProxy: false,
      rewritePath: undefined,
      rewriteLocation: false,
      cookieDomainRewrite: false,
      cookiePathRewrite: false,
      onRequestFields: undefined,
      onResponseFields: undefined,
      onInformation: undefined,
    });
  });

  test('no options at all are the defaults', () => {
    expect(handlerOptionsOf(undefined)(backend)).toEqual(handlerOptionsOf({})(backend));
  });

  test("false streams bodies although the backend's option buffers them", () => {
    expect(handlerOptionsOf({ requestBufferBytes: false })(backend).requestBufferBytes).toBe(false);
  });

  test('the options given win', () => {
    const idempotent = () => true;
    const given = { nonIdempotent: 'verified', idempotent, bodyTimeout: 5, host: 'origin', forwarded: false } as const;
    expect(handlerOptionsOf(given)(backend)).toMatchObject({
      nonIdempotent: 'verified',
      idempotent,
      timeouts: { bodyTimeout: 5 },
      host: 'origin',
      forwarded: false,
    });
  });

  test('the result is frozen', () => {
    const resolved = handlerOptionsOf({})(backend);
    expect(deeplyFrozen(resolved)).toBe(true);
  });

  test('the table names every option of a mount', () => {
    expect(handlerOptionTable.map((row) => row.name)).toEqual([
      ...['nonIdempotent', 'idempotent', 'requestBufferBytes', 'queueTimeout', 'sendTimeout', 'headersTimeout'],
      ...['bodyTimeout', 'clientTimeout', 'requestTimeout', 'expectTimeout', 'host'],
      ...['forwarded', 'trustProxy', 'rewritePath', 'rewriteLocation', 'cookieDomainRewrite'],
      'cookiePathRewrite',
      ...['onRequestFields', 'onResponseFields', 'onInformation'],
    ]);
  });

  test('trusted proxies are addresses and blocks of both versions', () => {
    const { trustProxy } = handlerOptionsOf({ trustProxy: ['10.0.0.0/8', '::1', '192.0.2.7'] })(backend);
    if (trustProxy === false) throw new Error('nothing trusted');
    const trusts = ['10.1.2.3', '192.0.2.7', '11.0.0.1'].map((address) => trustProxy.check(address));
    expect(trusts).toEqual([true, true, false]);
    expect(trustProxy.check('::1', 'ipv6')).toBe(true);
    expect(trustProxy.check('::ffff:10.1.2.3', 'ipv6')).toBe(true);
  });

  test.each<[string, unknown]>([
    ['trustProxy must be a list', true],
    ['trustProxy must be a list', 'loopback'],
    ['trustProxy must be a list', new Array(1)],
    ['trustProxy[0] must be an IP address or a CIDR block', ['loopback']],
    ['trustProxy[1] must be', ['10.0.0.0/8', '10.0.0.0/8/8']],
    ['prefix length that is an integer from 0 to 32', ['10.0.0.0/33']],
    ['prefix length that is an integer from 0 to 32', ['10.0.0.0/']],
    ['prefix length that is an integer from 0 to 128', ['::1/129']],
  ])('%s: %j', (message, trustProxy) => {
    expect(() => handlerOptionsOf({ trustProxy } as never)(backend)).toThrow(message);
  });

  test.each<[string, object]>([
    ['unknown option retryOn: it is an option of the backend; known: nonIdempotent,', { retryOn: [503] }],
    ['unknown option idleTimeout: it is an option of upgradeHandler(); known: nonIdempotent,', { idleTimeout: 5 }],
    ['unknown option rewritepath (did you mean rewritePath?); known: nonIdempotent,', { rewritepath: 5 }],
    ['headersTimeout must be a number of milliseconds from 1, or Infinity for no limit, got 0', { headersTimeout: 0 }],
    ["host must be 'preserve' or 'origin', got 'example.com'", { host: 'example.com' }],
    ["forwarded must be 'x-forwarded', 'rfc7239' or false, got true", { forwarded: true }],
    ['rewritePath must be a function', { rewritePath: '/v2' }],
    ['onRequestFields must be a function', { onRequestFields: {} }],
  ])('%s', (message, options) => {
    expect(() => handlerOptionsOf(options)(backend)).toThrow(message);
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
