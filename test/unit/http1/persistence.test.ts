import { describe, expect, test } from 'vitest';
import { judgeReuse, keepAliveHint, saysKeepAlive } from '../../../src/http1/persistence.js';

describe('a connection is reused', () => {
  const CLEAN = { requestWritten: true, persistent: true, leftoverBytes: 0 };

  test('after a clean exchange on a persistent connection', () => {
    expect(judgeReuse(CLEAN)).toEqual({ reuse: true });
  });

  test.each([
    [{ persistent: false }, 'server-close'],
    [{ requestWritten: false }, 'unfinished-request'],
    [{ leftoverBytes: 1 }, 'leftover'],
    [{ requestWritten: false, persistent: false }, 'unfinished-request'],
    [{ requestWritten: false, persistent: false, leftoverBytes: 7 }, 'leftover'],
  ] as const)('but not after %j', (facts, reason) => {
    expect(judgeReuse({ ...CLEAN, ...facts })).toEqual({ reuse: false, reason });
  });
});

describe('the Keep-Alive hint', () => {
  test.each([
    [['Keep-Alive', 'timeout=5, max=100'], { timeoutMs: 5_000, max: 100 }],
    [['keep-alive', 'Timeout = 5'], { timeoutMs: 5_000 }],
    [['keep-alive', '\tMAX\t=\t5\t'], { max: 5 }],
    [['Keep-Alive', 'max=5, max=7'], { max: 5 }],
    [['Keep-Alive', 'max=7, max="5"'], { max: 5 }],
    [['Keep-Alive', 'timeout=999999999'], { timeoutMs: 999_999_999_000 }],
    [['KEEP-ALIVE', 'max=1'], { max: 1 }],
    [['Keep-Alive', 'timeout="5"; max=3'], { timeoutMs: 5_000, max: 3 }],
    [['Keep-Alive', 'timeout=0, max=0'], { timeoutMs: 0, max: 0 }],
    [['Keep-Alive', 'foo=9, timeout=7'], { timeoutMs: 7_000 }],
    [['Keep-Alive', 'timeout=2', 'Keep-Alive', 'timeout=9'], { timeoutMs: 2_000 }],
    [['Keep-Alive', 'timeout=9', 'Keep-Alive', 'timeout=2'], { timeoutMs: 2_000 }],
    [['Keep-Alive', 'timeout=9', 'A', 'timeout=1', 'keep-alive', 'timeout=7, max=2'], { timeoutMs: 7_000, max: 2 }],
  ])('of %j is %j', (fields, hint) => {
    expect(keepAliveHint(fields)).toEqual(hint);
  });

  test.each([
    [],
    ['Connection', 'keep-alive'],
    ['Keep-Alive', ''],
    ['Keep-Alive', '300'],
    ['Keep-Alive', 'timeout=-5'],
    ['Keep-Alive', 'timeout=5s'],
    ['Keep-Alive', 'timeout=99999999999999999999'],
    ['Keep-Alive', 'xtimeout=5'],
    ['Keep-Alive', 'timeout=1.5'],
    ['Keep-Alive', 'max'],
    ['Keep-Alive', 'max=5s'],
    ['Keep-Alive', 'max=9999999999'],
    ['Keep-Alive', 'ymax=5'],
    ['Kept-Awake', 'timeout=5'],
  ])('of %s, %s is none', (...fields) => {
    expect(keepAliveHint(fields)).toEqual({});
  });
});

test('a Keep-Alive hint that is said again is not read again', () => {
  const hint = keepAliveHint(['Keep-Alive', 'timeout=5']);
  expect(keepAliveHint(['Keep-Alive', 'timeout=5'])).toBe(hint);
});

describe('an origin says that it keeps the connection', () => {
  test.each([
    ['Keep-Alive', 'timeout=5'],
    ['keep-alive', ''],
    ['Connection', 'keep-alive'],
    ['connection', 'Foo, Keep-Alive'],
    ['Server', 'x', 'Connection', 'close', 'Connection', 'keep-alive'],
  ])('by %s: %s', (...fields) => {
    expect(saysKeepAlive(fields)).toBe(true);
  });

  test.each([
    [],
    ['Connection', 'close'],
    ['Connection', 'keep-alive-not'],
    ['User-Agent', 'x'],
    ['User-Agent', 'keep-alive'],
    ['X-Keep-Alive', 'keep-alive'],
  ])('and not by %s: %s', (...fields) => {
    expect(saysKeepAlive(fields)).toBe(false);
  });
});
