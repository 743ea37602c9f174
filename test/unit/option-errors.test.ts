import { describe, expect, test } from 'vitest';
import { resolveOptions } from '../../src/options.js';
import { authority as CA } from '../wire/certificate.js';
import { URL_A, URL_B } from './option-cases.js';

const bad = (options: object) => () => resolveOptions({ origins: [URL_A], ...options });

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
