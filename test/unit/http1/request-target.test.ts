import { describe, expect, test } from 'vitest';
import { climbs, isAuthority, requestTarget } from '../../../src/http1/request-target.js';

describe('a request target', () => {
  test.each([
    ['/a?b', '/a?b', undefined],
    ['?b', '/?b', undefined],
    ['//a/b', '//a/b', undefined],
    ['/a/../b', '/a/../b', undefined],
    ['http://a.test/b?c', '/b?c', 'a.test'],
    ['HTTPS://a.test:81', '/', 'a.test:81'],
    ['http://[::1]:81?c', '/?c', '[::1]:81'],
  ])('%s is sent as %s, to %s', (url, path, authority) => {
    expect(requestTarget('GET', url)).toEqual({ path, authority });
  });

  test('* is for OPTIONS, which an absolute target without a path means too', () => {
    expect(requestTarget('OPTIONS', '*').path).toBe('*');
    expect(requestTarget('OPTIONS', 'http://a.test')).toEqual({ path: '*', authority: 'a.test' });
    expect(() => requestTarget('GET', '*')).toThrow('OPTIONS');
  });

  test.each([
    'a',
    '',
    'ftp://a/b',
    'http://',
    'http:///b',
    'http://:80/b',
    'http://u:p@a/b',
    'http://a b/c',
    'http://a:b/',
    '/a#b',
    '/a?b#c',
  ])('%j is refused', (url) => {
    expect(() => requestTarget('GET', url)).toThrow(expect.objectContaining({ code: 'http_request_error' }));
  });
});

test.each([
  ['a.test', true],
  ['a.test:8080', true],
  ['[::1]', true],
  ['[fe80::1%25en0]:1', true],
  ['a_b', true],
  ['a,b', true],
  ['a/b', false],
  ['u@a', false],
  ['a b', false],
  ['a:b', false],
  ['a\xe9', false],
  ['[::1', false],
  ['', false],
  [':80', false],
])('%j as an authority: %s', (text, is) => {
  expect(isAuthority(text)).toBe(is);
});

test.each([
  ['/a/../b', true],
  ['/..', true],
  ['/a/%2e%2E/b', true],
  ['/a/.%2e', true],
  ['/a\\..\\b', true],
  ['/a%2f..%5cb', true],
  ['/a/..;x/b', true],
  ['/a/...', false],
  ['/a..b/c', false],
  ['/a?b=/../c', false],
  ['/a#/../c', false],
  ['/./a', false],
])('%j climbs: %s', (path, does) => {
  expect(climbs(path)).toBe(does);
});
