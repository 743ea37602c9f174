import { describe, expect, test } from 'vitest';
import type { Candidate, RequestFacts } from '../../../src/balance/balancer.js';
import { first } from '../../../src/balance/first.js';
import { hash } from '../../../src/balance/hash.js';
import { keyReader } from '../../../src/balance/hash-key.js';

function candidate(index: number, facts: Partial<Candidate> = {}): Candidate {
  const quiet = { busy: 0, idle: 0, dialling: 0, maxConnections: 100, weight: 1 };
  return { origin: `http://10.0.0.${index}:80`, index, ...quiet, ...facts };
}

const several = (count: number) => Array.from({ length: count }, (_, index) => candidate(index));
const asking = (path: string, ...fields: string[]): RequestFacts => ({ method: 'GET', path, fields });
const byPath = () => hash({ key: 'path', load: Number.POSITIVE_INFINITY });

/** The name of the origin that each of so many paths goes to. */
function homes(candidates: readonly Candidate[], paths: number, balancer = byPath()): (string | undefined)[] {
  return Array.from({ length: paths }, (_, n) => candidates[balancer.pick(candidates, asking(`/${n}`))]?.origin);
}

describe('hash', () => {
  test('the same key goes to the same origin, in every process: the places are these', () => {
    const candidates = several(4);
    const balancer = byPath();
    const picks = Array.from({ length: 12 }, (_, n) => balancer.pick(candidates, asking(`/item/${n}?x=${n}`)));
    expect(picks.join('')).toBe('012030020133');
  });

  test('the order of the candidates does not matter', () => {
    expect(homes(several(7).reverse(), 200)).toEqual(homes(several(7), 200));
  });

  test('each origin gets its share of many keys', () => {
    const counts = several(8).map(({ origin }) => homes(several(8), 8_000).filter((home) => home === origin).length);
    for (const count of counts) expect(Math.abs(count - 1_000)).toBeLessThan(120); // four standard deviations
  });

  test('shares are by weight', () => {
    const candidates = [candidate(0, { weight: 1 }), candidate(1, { weight: 3 })];
    const light = homes(candidates, 4_000).filter((home) => home === candidates[0]?.origin).length;
    expect(Math.abs(light - 1_000)).toBeLessThan(120);
  });

  test('when an origin is out, its keys alone move, and they come back with it', () => {
    const all = several(5);
    const before = homes(all, 500);
    const after = homes(all.slice(1), 500);
    const moved = before.filter((home, n) => home !== after[n]);
    expect(new Set(moved)).toEqual(new Set([all[0]?.origin]));
    expect(homes(all, 500)).toEqual(before);
  });

  test.each([1, 0])('an origin that has its bound of the work is passed over, if all have the weight %i', (weight) => {
    const busy = [0, 0, 0, 0];
    const balancer = hash({ key: 'path' });
    for (let sent = 0; sent < 400; sent += 1) {
      const picked = balancer.pick(
        busy.map((count, index) => candidate(index, { busy: count, weight })),
        asking('/hot'),
      );
      busy[picked] = (busy[picked] ?? 0) + 1;
    }
    expect(Math.max(...busy)).toBeLessThanOrEqual(126); // 1.25 of a quarter, rounded up
  });

  test('what has no key goes where there is least work', () => {
    const candidates = [candidate(0, { busy: 5 }), candidate(1), candidate(2, { busy: 5 })];
    const balancer = hash({ key: ({ path }) => (path === '/none' ? undefined : '') });
    expect([
      balancer.pick(candidates, asking('/none')),
      balancer.pick(candidates, asking('/')),
      balancer.pick(candidates),
    ]).toEqual([1, 1, 1]);
  });

  test('origins that all have the weight 0 count alike', () => {
    const weightless = several(4).map((one) => ({ ...one, weight: 0 }));
    expect(homes(weightless, 50)).toEqual(homes(several(4), 50));
  });

  test('a key that is no string is an error, not a place', () => {
    const balancer = hash({ key: () => 5 as never });
    expect(() => balancer.pick(several(4), asking('/'))).toThrow(
      new TypeError('the key of a hash must be a string, got a value of type number'),
    );
  });

  test('a name that takes the place of another is hashed anew', () => {
    const balancer = byPath();
    homes(several(4), 50, balancer);
    const renamed = several(4).map((one) => ({ ...one, origin: `http://10.1.0.${one.index}:80` }));
    expect(homes(renamed, 50, balancer)).toEqual(homes(renamed, 50));
  });
});

describe('the key of a request', () => {
  test.each([
    ['path' as const, asking('/a/b?c=d'), '/a/b'],
    [{ cookie: 'id' }, asking('/', 'Cookie', 'xid=1; id=7; other=2'), '7'],
    [{ cookie: 'id' }, asking('/', 'cookie', 'a=1', 'COOKIE', 'id=8'), '8'],
    [{ cookie: 'id' }, asking('/', 'Cookie', 'a=id=3'), undefined],
    [{ header: 'X-Tenant' }, asking('/', 'x-tenant', 'blue'), 'blue'],
    [{ header: 'X-Tenant' }, asking('/'), undefined],
  ])('by %j is read', (key, request, expected) => {
    expect(keyReader(key)(request)).toBe(expected);
  });
});

describe('first', () => {
  test('takes the candidate that comes first in the list of origins, whatever its work', () => {
    expect(first().pick([candidate(3, { busy: 9 }), candidate(1), candidate(2)])).toBe(0);
  });
});
