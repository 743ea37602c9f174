import type { LookupFunction } from 'node:net';
import { describe, expect, test } from 'vitest';
import { type DialTarget, startDial } from '../../../src/connection/dial.js';
import { dialError } from '../../../src/connection/dial-error.js';
import type { ErrorCode } from '../../../src/errors.js';
import { ManualClock } from '../../../src/testing/index.js';
import { Deadlines } from '../../../src/time/deadlines.js';
import { turn } from './rig.js';

const failure = (code: string) => Object.assign(new Error(`connect ${code}`), { code });

describe('the name of a failure', () => {
  test.each<[string, ErrorCode, number]>([
    ['ENOTFOUND', 'dns_error', 502],
    ['EAI_AGAIN', 'dns_error', 502],
    ['ESERVFAIL', 'dns_error', 502],
    ['ETIMEOUT', 'dns_timeout', 504],
    ['ECONNREFUSED', 'connection_refused', 502],
    ['ENOENT', 'connection_refused', 502],
    ['ECONNRESET', 'connection_terminated', 502],
    ['ETIMEDOUT', 'connection_timeout', 504],
    ['EHOSTUNREACH', 'destination_ip_unroutable', 502],
    ['ENETUNREACH', 'destination_ip_unroutable', 502],
    ['EADDRNOTAVAIL', 'connection_limit_reached', 503],
    ['EADDRINUSE', 'connection_limit_reached', 503],
    ['EMFILE', 'connection_limit_reached', 503],
    ['ENOBUFS', 'connection_limit_reached', 503],
    ['EACCES', 'destination_unavailable', 503],
  ])('%s is %s, %i, with or without TLS', (code, expected, status) => {
    const errors = [false, true].map((secure) => dialError('http://o', failure(code), secure));
    const plain = { code: expected, statusCode: status, delivery: 'unsent', origin: 'http://o' };
    expect(errors[0]).toMatchObject(plain);
    if (code !== 'EACCES') expect(errors[1]).toMatchObject(plain);
  });

  test.each<[string, ErrorCode]>([
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'tls_certificate_error'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'tls_certificate_error'],
    ['CERT_HAS_EXPIRED', 'tls_certificate_error'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'tls_certificate_error'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'tls_certificate_error'],
    ['HOSTNAME_MISMATCH', 'tls_certificate_error'],
    ['INVALID_CA', 'tls_certificate_error'],
    ['INVALID_PURPOSE', 'tls_certificate_error'],
    ['ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', 'tls_alert_received'],
    ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'tls_alert_received'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'tls_protocol_error'],
  ])('%s on TLS is %s', (code, expected) => {
    expect(dialError('https://o', failure(code), true).code).toBe(expected);
  });

  test('all addresses refused: the sentence names the failure, which Node leaves without a message', () => {
    const cause = Object.assign(new AggregateError([failure('ECONNREFUSED'), failure('ECONNREFUSED')]), {
      code: 'ECONNREFUSED',
    });
    const error = dialError('http://o', cause, false);
    expect([error.message, error.cause]).toEqual(['could not connect to http://o: ECONNREFUSED', cause]);
  });
});

describe('a dial whose name is never resolved', () => {
  const begin = () => {
    const clock = new ManualClock();
    let stoodMs = 0;
    const deadlines = new Deadlines({
      now: () => clock.now() + stoodMs,
      wallNow: () => clock.wallNow(),
      after: (ms, call) => clock.after(ms, call),
      soon: (call) => clock.soon(call),
    });
    const standStill = (ms: number) => (stoodMs += ms);
    const told: string[] = [];
    let resolve: () => void = () => undefined;
    const lookup: LookupFunction = (_hostname, _options, callback) => {
      resolve = () => callback(failure('ENOTFOUND'), '');
    };
    const connect = { noDelay: true, keepAliveInitialDelay: 1, localAddress: undefined, lookup, family: 4 } as const;
    const target: DialTarget = {
      ...{ origin: 'http://o', protocol: 'http:', hostname: 'o.test', port: 1, connect, tls: {} },
      servername: 'o.test',
      connectTimeoutMs: 500,
    };
    const dial = startDial(target, undefined, deadlines, {
      opened: () => told.push('opened'),
      failed: (error) => told.push(`${error.code}: ${error.message}`),
      session: () => told.push('session'),
    });
    return { clock, standStill, deadlines, told, dial, resolve: () => resolve() };
  };

  test.each([
    ['as long again as the process stood still', 300, 300],
    ['and at most connectTimeout', 90_000, 500],
  ])('has %s, where that took its last moment', async (_what, stoodMs, againMs) => {
    const { clock, standStill, told } = begin();
    standStill(stoodMs);
    clock.advance(500 + againMs - 1);
    const before = [...told];
    clock.advance(1);
    expect([before, told]).toEqual([[], ['connection_timeout: could not connect to http://o: ETIMEDOUT']]);
  });

  test('ends with connectTimeout, once', async () => {
    const { clock, deadlines, told, resolve } = begin();
    clock.advance(499);
    const before = [...told];
    clock.advance(1);
    resolve();
    await turn();
    expect([before, told, deadlines.size]).toEqual([
      [],
      ['connection_timeout: could not connect to http://o: ETIMEDOUT'],
      0,
    ]);
  });

  test('can be abandoned: nothing is told, no deadline is left', async () => {
    const { clock, deadlines, told, dial, resolve } = begin();
    dial.abandon();
    const left = deadlines.size;
    dial.abandon();
    clock.advance(1_000);
    resolve();
    await turn();
    expect([told, left]).toEqual([[], 0]);
  });

  test('fails with its name, once, and the timeout is over', async () => {
    const { clock, deadlines, told, resolve } = begin();
    resolve();
    await turn();
    const left = deadlines.size;
    clock.advance(1_000);
    expect([told, left]).toEqual([['dns_error: could not connect to http://o: ENOTFOUND'], 0]);
  });
});
