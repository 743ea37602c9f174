import { describe, expect, test } from 'vitest';
import { resolveOptions } from '../../src/options.js';
import { URL_A, URL_B } from './option-cases.js';

const onlyOrigin = (origin: unknown) => resolveOptions({ origins: [origin] } as never).origins[0];

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
