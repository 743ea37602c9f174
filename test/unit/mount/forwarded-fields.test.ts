import { describe, expect, test } from 'vitest';
import type { ClientFacts } from '../../../src/mount/request/client-facts.js';
import { forwardingFields } from '../../../src/mount/request/forwarded-fields.js';

const client: ClientFacts = { address: '192.0.2.1', proto: 'https', host: 'shop.test' };

describe('X-Forwarded', () => {
  test('names the client when nobody did before', () => {
    expect(forwardingFields('x-forwarded', client, {})).toEqual([
      ...['X-Forwarded-For', '192.0.2.1', 'X-Forwarded-Proto', 'https'],
      ...['X-Forwarded-Host', 'shop.test', 'X-Forwarded-Port', '443'],
    ]);
  });

  test('goes on with what a trusted proxy said', () => {
    const earlier = {
      'x-forwarded-for': '203.0.113.9',
      'x-forwarded-proto': 'http',
      'x-forwarded-host': 'first.test:81',
    };
    expect(forwardingFields('x-forwarded', client, earlier)).toEqual([
      ...['X-Forwarded-For', '203.0.113.9, 192.0.2.1', 'X-Forwarded-Proto', 'http'],
      ...['X-Forwarded-Host', 'first.test:81', 'X-Forwarded-Port', '81'],
    ]);
  });

  test('tells the port of the first of several trusted proxies', () => {
    const earlier = { 'x-forwarded-proto': 'https, http', 'x-forwarded-host': 'shop.test, inner.test:81' };
    expect(forwardingFields('x-forwarded', client, earlier).slice(-2)).toEqual(['X-Forwarded-Port', '443']);
  });

  test('keeps a Forwarded field and a port that a trusted proxy set', () => {
    const earlier = { forwarded: 'for=203.0.113.9', 'x-forwarded-port': '8443' };
    const fields = forwardingFields('x-forwarded', client, earlier);
    expect(fields.slice(0, 2)).toEqual(['forwarded', 'for=203.0.113.9']);
    expect(fields.slice(-2)).toEqual(['X-Forwarded-Port', '8443']);
  });

  test.each([
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8::1', '2001:db8::1'],
    [undefined, 'unknown'],
  ])('writes the address %s as %s', (address, written) => {
    expect(forwardingFields('x-forwarded', { ...client, address }, {})[1]).toBe(written);
  });

  test('says nothing of a host that nobody named', () => {
    const fields = forwardingFields('x-forwarded', { address: '192.0.2.1', proto: 'http', host: undefined }, {});
    expect(fields).toEqual(['X-Forwarded-For', '192.0.2.1', 'X-Forwarded-Proto', 'http', 'X-Forwarded-Port', '80']);
  });
});

describe('Forwarded', () => {
  test.each<[Partial<ClientFacts>, string]>([
    [{}, 'for=192.0.2.1;host=shop.test;proto=https'],
    [{ address: '2001:db8::1' }, 'for="[2001:db8::1]";host=shop.test;proto=https'],
    [{ host: 'shop.test:81' }, 'for=192.0.2.1;host="shop.test:81";proto=https'],
    [{ address: undefined, host: undefined, proto: 'http' }, 'for=unknown;proto=http'],
  ])('of %j is %s', (facts, value) => {
    expect(forwardingFields('rfc7239', { ...client, ...facts }, {})).toEqual(['Forwarded', value]);
  });

  test('goes on with what a trusted proxy said, and keeps its X-Forwarded fields', () => {
    const earlier = { forwarded: 'for=203.0.113.9', 'x-forwarded-for': '203.0.113.9' };
    expect(forwardingFields('rfc7239', client, earlier)).toEqual([
      ...['Forwarded', 'for=203.0.113.9, for=192.0.2.1;host=shop.test;proto=https'],
      ...['x-forwarded-for', '203.0.113.9'],
    ]);
  });
});
