import { describe, expect, test } from 'vitest';
import { handlerOptionsOf, handlerOptionTable, resolveOptions } from '../../src/options.js';
import { deeplyFrozen, URL_A } from './option-cases.js';

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
