import { describe, expect, test } from 'vitest';
import { StickySessions } from '../../../src/mount/sticky-sessions.js';
import { resolveOptions, type StickyOptions } from '../../../src/options.js';

const [A, B] = ['http://10.0.0.7:8080', 'http://10.0.0.8:8080'] as const;

function sessions(options: Partial<StickyOptions> = {}, names: () => readonly string[] = always) {
  const { sticky } = resolveOptions({ origins: [A, B], sticky: { cookie: 'at', ...options } });
  if (sticky === false) throw new Error('it is on');
  return new StickySessions(sticky, names);
}

const NAMES = [A, B];
const always = () => NAMES;

/** What a client is told when an origin answers. */
function told(name: string, one = sessions()): string {
  const fields: string[] = [];
  one.putInto(fields, name, undefined);
  return fields[1] ?? '';
}

/** The cookie that names an origin, as a client sends it. */
const cookieOf = (name: string, one = sessions()) => told(name, one).split(';', 1)[0] ?? '';

describe('the cookie', () => {
  test('says nothing of the address, and the same of it each time', () => {
    expect(cookieOf(A)).toMatch(/^at=[0-9a-f]{16}$/);
    expect([cookieOf(A), cookieOf(B)]).toEqual([cookieOf(A, sessions()), cookieOf(B, sessions())]);
    expect(cookieOf(A)).not.toBe(cookieOf(B));
  });

  test('says it otherwise with a secret', () => {
    const one = sessions({ secret: 'a' });
    expect(new Set([cookieOf(A), cookieOf(A, one), cookieOf(A, sessions({ secret: 'b' }))]).size).toBe(3);
    expect(one.takeFrom(['Cookie', cookieOf(A, one)])).toBe(A);
  });

  test.each<[Partial<StickyOptions>, string]>([
    [{}, '; Path=/; HttpOnly; SameSite=Lax'],
    [{ path: '/shop', sameSite: 'strict' }, '; Path=/shop; HttpOnly; SameSite=Strict'],
    [{ sameSite: 'none', secure: true }, '; Path=/; HttpOnly; Secure; SameSite=None'],
    [{ domain: 'shop.test', maxAge: 90_500 }, '; Path=/; Domain=shop.test; Max-Age=90; HttpOnly; SameSite=Lax'],
  ])('%j', (options, attributes) => {
    expect(told(A, sessions(options))).toBe(cookieOf(A) + attributes);
  });
});

describe('a request', () => {
  test.each<[what: string, fields: string[], named: string | undefined, left: string[]]>([
    ['alone', ['Cookie', cookieOf(A)], A, []],
    [
      'among others',
      ['Accept', '*/*', 'cookie', `a=1; ${cookieOf(B)};b=2`],
      B,
      ['Accept', '*/*', 'cookie', 'a=1; b=2'],
    ],
    ['behind one that ends with à in UTF-8', ['Cookie', `a=\xc3\xa0; ${cookieOf(A)}`], A, ['Cookie', 'a=\xc3\xa0']],
    ['in one of two fields', ['Cookie', 'a=1', 'Cookie', cookieOf(A)], A, ['Cookie', 'a=1']],
    ['behind one that names nobody', ['Cookie', `at=forged; ${cookieOf(A)}`], A, []],
    ['twice', ['Cookie', `${cookieOf(B)}; ${cookieOf(A)}`], B, []],
    ['forged', ['Cookie', 'at=http://10.0.0.7:8080'], undefined, []],
    ['empty', ['Cookie', 'at='], undefined, []],
    ['of another name', ['Cookie', 'cat=1; at2=2'], undefined, ['Cookie', 'cat=1; at2=2']],
    ['in another field', ['X-Cookie', cookieOf(A)], undefined, ['X-Cookie', cookieOf(A)]],
    ['not there', ['Accept', '*/*'], undefined, ['Accept', '*/*']],
  ])('with the cookie %s', (_what, fields, named, left) => {
    expect([sessions().takeFrom(fields), fields]).toEqual([named, left]);
  });

  test('may name an origin that has come since, and none that has gone', () => {
    let names: readonly string[] = [A];
    const one = sessions({}, () => names);
    const ask = () => [A, B].map((name) => one.takeFrom(['Cookie', cookieOf(name)]));
    const before = ask();
    names = [B];
    expect([before, ask()]).toEqual([
      [A, undefined],
      [undefined, B],
    ]);
  });
});

describe('a response', () => {
  test.each<[what: string, fields: string[], named: string | undefined, after: string[]]>([
    ['of the origin that the client names is left as it is', ['A', '1'], A, ['A', '1']],
    ['of another one sets the cookie', [], B, ['Set-Cookie', told(A), 'Cache-Control', 'private']],
    [
      'that is private already',
      ['cache-control', 'no-cache, Private'],
      B,
      ['cache-control', 'no-cache, Private', 'Set-Cookie', told(A)],
    ],
    [
      'that is not to be stored',
      ['Cache-Control', 'no-store'],
      B,
      ['Cache-Control', 'no-store', 'Set-Cookie', told(A)],
    ],
    [
      'that says so of a field alone',
      ['Cache-Control', 'private="set-cookie"'],
      B,
      ['Cache-Control', 'private="set-cookie"', 'Set-Cookie', told(A), 'Cache-Control', 'private'],
    ],
    [
      'that any cache may keep',
      ['Cache-Control', 'public, max-age=60'],
      undefined,
      ['Cache-Control', 'public, max-age=60', 'Set-Cookie', told(A), 'Cache-Control', 'private'],
    ],
    [
      'with a cookie of that name loses it',
      ['set-cookie', 'at=1', 'Set-Cookie', 'a=at=1'],
      A,
      ['Set-Cookie', 'a=at=1'],
    ],
  ])('%s', (_what, fields, named, after) => {
    sessions().putInto(fields, A, named);
    expect(fields).toEqual(after);
  });
});

describe('what clients would drop without a word is refused', () => {
  test.each<[Partial<StickyOptions>, string]>([
    [{ cookie: 'a b' }, 'sticky.cookie must be the name of a cookie'],
    [{ cookie: '' }, 'sticky.cookie must be the name of a cookie'],
    [{ path: 'shop' }, 'sticky.path must be a path that begins with /'],
    [{ path: '/;Domain=x' }, 'sticky.path must be a path that begins with /'],
    [{ domain: 'a;b' }, 'sticky.domain must be a domain name'],
    [{ sameSite: 'none' }, "sticky.secure must be true if sameSite is 'none'"],
    [{ cookie: '__Secure-at' }, 'sticky.secure must be true for the cookie name __Secure-at'],
    [{ cookie: '__host-at' }, 'sticky.secure must be true for the cookie name __host-at'],
    [{ cookie: '__Host-at', secure: true, path: '/shop' }, 'sticky.cookie must be a name without __Host-'],
    [{ cookie: '__Host-at', secure: true, domain: 'shop.test' }, 'sticky.cookie must be a name without __Host-'],
    [{ maxAge: 999 }, 'sticky.maxAge must be a number from 1000'],
    [{ secret: '' }, 'sticky.secret must be a string that is not empty'],
  ])('%j', (options, message) => {
    expect(() => sessions(options)).toThrow(message);
  });

  test.each([true, 'at', [], null])('%j in the place of the object', (sticky) => {
    expect(() => resolveOptions({ origins: [A], sticky: sticky as never })).toThrow(
      'sticky must be an object or false',
    );
  });
});
