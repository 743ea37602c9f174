import { describe, expect, test } from 'vitest';
import { hasNoResponseBody, isIdempotentMethod, isSafeMethod, isToken } from '../../../src/http1/method.js';

test.each(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE', 'QUERY'])('%s is idempotent', (method) => {
  expect(isIdempotentMethod(method)).toBe(true);
});

test.each(['POST', 'PATCH', 'CONNECT', 'PROPFIND', 'get', 'Get', 'GET ', 'BREW', ''])('%j is not', (method) => {
  expect(isIdempotentMethod(method)).toBe(false);
});

test('safe are those that only ask', () => {
  const methods = ['GET', 'HEAD', 'OPTIONS', 'TRACE', 'QUERY', 'PUT', 'DELETE', 'POST', 'PATCH', 'get', 'BREW'];
  expect(methods.filter(isSafeMethod)).toEqual(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'QUERY']);
});

test.each(["!#$%&'*+-.^_`|~09azAZ", 'X', 'M-SEARCH'])('%j is a token', (text) => {
  expect(isToken(text)).toBe(true);
});

test.each(['', ' ', 'a b', 'a\n', 'a:', 'a/b', '(a)', '"a"', 'ä', 'a\x7f', '\x00', 'a,b', '[a]', '{a}'])(
  '%j is no token',
  (text) => {
    expect(isToken(text)).toBe(false);
  },
);

describe('a response has no body', () => {
  test.each([
    ['HEAD', 200],
    ['HEAD', 404],
    ['GET', 100],
    ['GET', 101],
    ['POST', 103],
    ['GET', 199],
    ['GET', 204],
    ['GET', 304],
  ])('to %s with %i', (method, status) => {
    expect(hasNoResponseBody(method, status)).toBe(true);
  });

  test.each([
    ['GET', 200],
    ['GET', 205],
    ['head', 200],
    ['OPTIONS', 200],
    ['GET', 303],
    ['GET', 305],
    ['POST', 500],
  ])('but may have one to %s with %i', (method, status) => {
    expect(hasNoResponseBody(method, status)).toBe(false);
  });
});
