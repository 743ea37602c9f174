import { describe, expect, test } from 'vitest';
import { BackendError } from '../../../src/errors.js';
import {
  checkField,
  endToEndFields,
  fieldValue,
  fieldValues,
  joinedValue,
  listHasToken,
  withoutForbiddenTrailers,
} from '../../../src/http1/fields.js';

const FIELDS = ['Set-Cookie', 'a=1', 'X', 'set-cookie', 'SET-COOKIE', 'b=2', 'Empty', ''];

test('fieldValue finds the first of a name in any case, and no value that looks like it', () => {
  expect(fieldValue(FIELDS, 'set-cookie')).toBe('a=1');
  expect(fieldValue(FIELDS, 'empty')).toBe('');
  expect(fieldValue(FIELDS, 'a=1')).toBeUndefined();
  expect(fieldValue([], 'a')).toBeUndefined();
});

test('fieldValues finds all of them in order', () => {
  expect(fieldValues(FIELDS, 'set-cookie')).toEqual(['a=1', 'b=2']);
  expect(fieldValues(FIELDS, 'none')).toEqual([]);
});

describe('listHasToken', () => {
  test.each(['close', 'CLOSE', ' close', 'close\t', 'a, close', 'close,a', 'a,\tClose ,b', ',close', 'a,,close'])(
    'finds close in %j',
    (value) => {
      expect(listHasToken(value, 'close')).toBe(true);
    },
  );

  test.each([
    '',
    'clos',
    'closed',
    'not-close',
    'close-not',
    'cl ose',
    '"close"',
    '\xa0close',
    'close;q=1',
    'close\x0b',
  ])('does not find it in %j', (value) => {
    expect(listHasToken(value, 'close')).toBe(false);
  });
});

describe('endToEndFields', () => {
  test('drops the hop-by-hop fields in any case, and keeps the rest in order', () => {
    const kept = ['Host', 'h', 'A', '1', 'a', '2', 'Content-Length', '5', 'Trailer', 'T', 'Expect', '100-continue'];
    const dropped = [
      'CONNECTION',
      'keep-alive',
      'HTTP2-Settings',
      'x',
      'Keep-Alive',
      'timeout=5',
      'proxy-connection',
      'x',
      'TE',
      'trailers',
      'Transfer-Encoding',
      'chunked',
      'Upgrade',
      'h2c',
      'Proxy-Authenticate',
      'x',
      'Proxy-Authorization',
      'x',
      'Proxy-Authentication-Info',
      'x',
    ];
    expect(endToEndFields([...kept.slice(0, 4), ...dropped, ...kept.slice(4)])).toEqual(kept);
  });

  test('drops what any Connection field names', () => {
    const fields = [
      'Connection',
      'X-One,\tx-two ',
      'X-ONE',
      '1',
      'connection',
      'close, , X-Three',
      'x-Two',
      '2',
      'X-Three',
      '3',
    ];
    expect(endToEndFields([...fields, 'X-Four', '4'])).toEqual(['X-Four', '4']);
  });

  test('reads a name next to a no-break space as another name', () => {
    expect(endToEndFields(['Connection', '\xa0x-one', 'X-One', '1'])).toEqual(['X-One', '1']);
  });
});

test('withoutForbiddenTrailers drops what must be known before the body, and keeps the rest', () => {
  const fields = [
    'Content-Length',
    '5',
    'transfer-encoding',
    'chunked',
    'Host',
    'h',
    'Authorization',
    'x',
    'Set-Cookie',
    'a',
    'Trailer',
    'x',
    'Content-Type',
    't',
    'Cache-Control',
    'c',
    'Connection',
    'close',
    'TE',
    'x',
  ];
  const kept = ['Server-Timing', 'a', 'X-Checksum', 'b', 'grpc-status', '0', 'Digest', 'd', 'X-Checksum', 'c'];
  expect(withoutForbiddenTrailers([...kept.slice(0, 4), ...fields, ...kept.slice(4)])).toEqual(kept);
});

describe('checkField', () => {
  test.each([
    ['X-A', 'a \t b'],
    ['X', ''],
    ["!#$%&'*+-.^_`|~", '\x80\xff\xa0'],
  ])('takes %j with %j', (name, value) => {
    expect(() => checkField(name, value)).not.toThrow();
  });

  test.each([
    ['', 'a'],
    ['A B', 'a'],
    ['A:', 'a'],
    ['A\r\nB', 'a'],
    ['Ä', 'a'],
    ['A', 'a\r\nB: c'],
    ['A', 'a\rb'],
    ['A', 'a\n'],
    ['A', '\x00'],
    ['A', '\x0b'],
    ['A', '\x1b'],
    ['A', '\x7f'],
    ['A', '\u0100'],
    ['A', '\u010d\u010a'],
    ['A', '😀'],
  ])('refuses %j with %j', (name, value) => {
    let refused: unknown;
    try {
      checkField(name, value);
    } catch (error) {
      refused = error;
    }
    expect(BackendError.is(refused) && refused.code).toBe('http_request_error');
    expect(BackendError.is(refused) && refused.message).toMatch(/^[\x20-\x7e]+$/);
  });
});

test('joinedValue joins what a field says, in order, in whichever case its name is', () => {
  const fields = ['A', '1', 'Keep-Alive', 'x', 'Kept-Awake', 'y', 'KEEP-ALIVE', '', 'connection', 'z'];
  expect(['keep-alive', 'connection', 'a', 'b'].map((name) => joinedValue(fields, name))).toEqual([
    'x,',
    'z',
    '1',
    undefined,
  ]);
});
