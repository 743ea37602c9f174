import { describe, expect, test } from 'vitest';
import { originsOfAddresses, originsOfServices, scaledWeight, shortestTtlMs } from '../../../src/fleet/dns-set.js';

const http = { protocol: 'http:', host: 'web.example' } as const;
const https = { protocol: 'https:', host: 'web.example' } as const;
const address = (text: string, ttl = 30) => ({ address: text, ttl });
const service = (name: string, port: number, priority = 0, weight = 0) => ({ name, port, priority, weight });

describe('addresses', () => {
  test('each address is an origin that is called by the name that was looked up', () => {
    expect(originsOfAddresses([address('10.0.0.1'), address('10.0.0.2')], 8080, http)).toEqual([
      { url: 'http://10.0.0.1:8080', host: 'web.example:8080' },
      { url: 'http://10.0.0.2:8080', host: 'web.example:8080' },
    ]);
  });

  test('an IPv6 address stands in brackets', () => {
    expect(originsOfAddresses([address('fd00::1')], 8080, http)).toMatchObject([{ url: 'http://[fd00::1]:8080' }]);
  });

  test.each([
    ['no port', undefined, http, 'http://10.0.0.1', 'web.example'],
    ['the default port of http', 80, http, 'http://10.0.0.1:80', 'web.example'],
    ['the default port of https', 443, https, 'https://10.0.0.1:443', 'web.example'],
    ['the port of the other scheme', 443, http, 'http://10.0.0.1:443', 'web.example:443'],
    ['a host with a port of its own', 8080, { ...http, host: 'web:9' }, 'http://10.0.0.1:8080', 'web:9'],
  ] as const)('the Host field names the port unless it is the default: %s', (_, port, scheme, url, host) => {
    expect(originsOfAddresses([address('10.0.0.1')], port, scheme)).toEqual([{ url, host }]);
  });

  test('the order of the answer does not matter, nor an address that comes twice', () => {
    const records = [address('10.0.0.2'), address('10.0.0.1'), address('10.0.0.2')];
    const urls = originsOfAddresses(records, 80, http).map(({ url }) => url);
    expect(urls).toEqual(['http://10.0.0.1:80', 'http://10.0.0.2:80']);
  });

  test('the shortest time to live counts', () => {
    expect(shortestTtlMs([address('10.0.0.1', 30), address('10.0.0.2', 5)])).toBe(5000);
  });
});

describe('services', () => {
  test('each host and port is an origin with its weight', () => {
    const records = [service('b.example', 8081, 10, 30), service('a.example.', 8080, 10, 10)];
    expect(originsOfServices(records, http)).toEqual([
      { url: 'http://a.example:8080', host: 'web.example:8080', weight: 10, backup: false },
      { url: 'http://b.example:8081', host: 'web.example:8081', weight: 30, backup: false },
    ]);
  });

  test('those above the lowest priority are backups', () => {
    const records = [service('a', 80, 20), service('b', 80, 10), service('c', 80, 30)];
    const backups = originsOfServices(records, http).map(({ url, backup }) => [url, backup]);
    expect(backups).toEqual([
      ['http://a:80', true],
      ['http://b:80', false],
      ['http://c:80', true],
    ]);
  });

  test('a host and port that comes twice counts once, with the lower priority', () => {
    const origins = originsOfServices(
      [service('a', 80, 20, 5), service('A.', 80, 10, 7), service('b', 80, 10, 9)],
      http,
    );
    expect(origins.map(({ url, weight, backup }) => ({ url, weight, backup }))).toEqual([
      { url: 'http://A:80', weight: 7, backup: false },
      { url: 'http://b:80', weight: 9, backup: false },
    ]);
  });

  test('a target that says "not available here" is no origin', () => {
    expect(originsOfServices([service('.', 0), service('', 0)], http)).toEqual([]);
  });

  test.each([
    ['as they are up to 256', [10, 20, 256], [10, 20, 256]],
    ['in proportion when one is more', [65_535, 32_768, 1], [256, 128, 1]],
    ['alike when none is told', [0, 0], [1, 1]],
    ['0 as very little beside others', [0, 10, 20], [1, 120, 240]],
    ['0 as very little beside 256', [0, 256], [1, 256]],
  ])('weights are taken %s', (_, weights, wanted) => {
    expect(weights.map((weight) => scaledWeight(weight, weights))).toEqual(wanted);
  });

  test('weights are held against those of the same priority only', () => {
    const records = [service('a', 80, 1, 10), service('b', 80, 2, 1000), service('c', 80, 2, 500)];
    expect(originsOfServices(records, http).map(({ weight }) => weight)).toEqual([10, 256, 128]);
  });
});
