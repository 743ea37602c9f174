import { describe, expect, test } from 'vitest';
import { fieldsByName } from '../../../src/http1/fields.js';
import type { ResponseHead } from '../../../src/http1/response-head.js';
import { hookedFields } from '../../../src/mount/hooked-fields.js';
import {
  framedFields,
  mergedFields,
  relayedFields,
  safelyOrdered,
} from '../../../src/mount/response/response-fields.js';

function headOf(rawHeaders: readonly string[], more: Partial<ResponseHead> = {}): ResponseHead {
  return {
    statusCode: 200,
    statusText: 'OK',
    minorVersion: 1,
    rawHeaders,
    framing: { kind: 'chunked' },
    persistent: true,
    ...more,
  };
}

const LENGTH = { kind: 'length', bytes: 5 } as const;
const NONE = { kind: 'none' } as const;

describe('the fields to relay', () => {
  test('are the end-to-end ones in order and case, with Via', () => {
    const head = headOf([
      'X-b',
      '1',
      'Connection',
      'X-Hop',
      'x-A',
      '\xe9',
      'X-Hop',
      '1',
      'X-B',
      '2',
      'Via',
      '1.1 inner',
    ]);
    expect(relayedFields(head, true)).toEqual([
      ...['X-b', '1', 'x-A', '\xe9', 'X-B', '2'],
      ...['Via', '1.1 inner', 'Via', '1.1 pooled-backend'],
    ]);
  });

  test('tell the version that the origin spoke', () => {
    expect(relayedFields(headOf([], { minorVersion: 0 }), true)).toEqual(['Via', '1.0 pooled-backend']);
  });

  test.each<[what: string, Partial<ResponseHead>, boolean]>([
    ['a body of that length', { framing: LENGTH }, true],
    ['HEAD', { framing: NONE }, true],
    ['304', { framing: NONE, statusCode: 304 }, true],
    ['204', { framing: NONE, statusCode: 204 }, false],
    ['chunks', {}, false],
  ])('have Content-Length for %s: %#', (_what, more, kept) => {
    expect(relayedFields(headOf(['Content-Length', '5'], more), true).includes('Content-Length')).toBe(kept);
  });

  test('announce trailers only where there can be some', () => {
    const head = headOf(['Trailer', 'X-Sum']);
    expect([relayedFields(head, true).includes('Trailer'), relayedFields(head, false).includes('Trailer')]).toEqual([
      true,
      false,
    ]);
  });
});

describe('the fields after a hook', () => {
  test('are its own, but for framing and hop-by-hop fields', () => {
    const head = headOf(['Content-Length', '5'], { framing: LENGTH });
    const made = [
      'content-length',
      '9',
      'X-A',
      '1',
      'Transfer-Encoding',
      'chunked',
      'Connection',
      'close',
      'Trailer',
      'X',
    ];
    expect(framedFields(head, hookedFields('onResponseFields', made), false)).toEqual([
      'X-A',
      '1',
      'Content-Length',
      '5',
    ]);
  });

  test('say the length once', () => {
    const head = headOf(['Content-Length', '5'], { framing: LENGTH });
    expect(framedFields(head, ['Content-Length', '5', 'Content-Length', '9'], false)).toEqual(['Content-Length', '5']);
  });

  test('may announce trailers where there can be some', () => {
    expect(framedFields(headOf([]), ['Trailer', 'X-Sum'], true)).toEqual(['Trailer', 'X-Sum']);
  });

  test('may leave Content-Length out', () => {
    expect(framedFields(headOf(['Content-Length', '5'], { framing: LENGTH }), ['X-A', '1'], false)).toEqual([
      'X-A',
      '1',
    ]);
  });

  test('cannot give chunks a length', () => {
    expect(framedFields(headOf([]), ['Content-Length', '5'], true)).toEqual([]);
  });
});

describe('the merge with what was set before', () => {
  test('prefers the origin, one entry a name, Content-Length last', () => {
    const before = { 'x-frame-options': 'SAMEORIGIN', 'x-kept': '1' };
    const fields = ['Content-Length', '5', 'X-Frame-Options', 'DENY', 'X-Two', '1', 'x-two', '2'];
    expect(mergedFields(before, fields)).toEqual([
      ['X-Frame-Options', ['DENY']],
      ['X-Two', ['1', '2']],
      ['Content-Length', ['5']],
    ]);
  });

  test('adds cookies up', () => {
    expect(mergedFields({ 'set-cookie': ['s=1'] }, ['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2'])).toEqual([
      ['Set-Cookie', ['s=1', 'a=1', 'b=2']],
    ]);
  });

  test('adds Vary up, each name once', () => {
    expect(mergedFields({ vary: 'Origin, Accept' }, ['Vary', 'accept', 'Vary', 'Cookie'])).toEqual([
      ['Vary', ['Origin, Accept, Cookie']],
    ]);
  });

  test('takes a name that is special to objects as any other', () => {
    expect(mergedFields({}, ['__proto__', '1', 'constructor', '2'])).toEqual([
      ['__proto__', ['1']],
      ['constructor', ['2']],
    ]);
  });
});

test('a file name that is not ASCII comes before Content-Length, others stay where they are', () => {
  const ascii = ['Content-Length', '5', 'Content-Disposition', 'inline'];
  expect(safelyOrdered(ascii)).toBe(ascii);
  expect(safelyOrdered(['Content-Length', '5', 'Content-Disposition', 'inline; filename="\xe9"', 'X-A', '1'])).toEqual([
    ...['Content-Disposition', 'inline; filename="\xe9"', 'X-A', '1', 'Content-Length', '5'],
  ]);
});

test('fields as an object have a list for a name that repeats', () => {
  expect(Object.entries(fieldsByName(['a', '1', 'b', '2', 'a', '3', '__proto__', '4']))).toEqual([
    ['a', ['1', '3']],
    ['b', '2'],
    ['__proto__', '4'],
  ]);
});
