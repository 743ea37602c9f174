import { describe, expect, test } from 'vitest';
import {
  namedProtocols,
  protocolName,
  switchedTo,
  switchingFields,
  withoutUpgrade,
} from '../../../src/http1/upgrade.js';

describe('the protocols that a message names', () => {
  test.each<[readonly string[], readonly string[]]>([
    [['Upgrade', 'websocket'], ['websocket']],
    [
      ['Upgrade', 'HTTP/2.0, SHTTP/1.3', 'Host', 'a', 'UPGRADE', 'IRC/6.9\t,RTA/x11'],
      ['HTTP/2.0', 'SHTTP/1.3', 'IRC/6.9', 'RTA/x11'],
    ],
    [['Upgrade', ', ,a b,c/d/e,/f,"g"'], []],
    [['Host', 'a'], []],
  ])('%j are %j', (fields, named) => {
    expect(namedProtocols(fields)).toEqual(named);
  });

  test('a name is told without its version, in lower case', () => {
    expect(protocolName('WebSocket/13')).toBe('websocket');
  });
});

describe('a switch', () => {
  test.each<[string, readonly string[], string | undefined]>([
    ['websocket', ['Upgrade', 'WebSocket'], 'WebSocket'],
    ['a/1, b', ['Upgrade', 'b'], 'b'],
    ['a/1, b', ['Upgrade', 'b', 'Upgrade', 'A/1'], 'b, A/1'],
    ['a/1', ['Upgrade', 'a'], undefined],
    ['a', ['Upgrade', 'a/1'], undefined],
    ['a', ['Upgrade', 'a, b'], undefined],
    ['a', ['Upgrade', ''], undefined],
    ['a', ['Host', 'x'], undefined],
  ])('offered %j, answered %j: %j', (offer, answer, value) => {
    expect(switchedTo(answer, offer)).toBe(value);
  });
});

describe('a request without its offer', () => {
  test.each<[readonly string[], readonly string[]]>([
    [
      ['Host', 'a', 'Upgrade', 'h2c', 'HTTP2-Settings', 'AA', 'Connection', 'Upgrade, HTTP2-Settings'],
      ['Host', 'a'],
    ],
    [
      ['CONNECTION', 'keep-alive ,\tUPGRADE', 'upgrade', 'h2c', 'Upgrade', 'x', 'A', ''],
      ['CONNECTION', 'keep-alive', 'A', ''],
    ],
    [
      ['Connection', 'Upgrade', 'Connection', 'TE', 'TE', 'trailers', 'Upgrade', 'h2c'],
      ['Connection', 'TE', 'TE', 'trailers'],
    ],
  ])('%j becomes %j', (fields, left) => {
    expect(withoutUpgrade(fields)).toEqual(left);
    expect(namedProtocols(withoutUpgrade(fields))).toEqual([]);
  });
});

test('the fields of a 101 are end-to-end, and none of them speaks of a body', () => {
  const fields = [
    'Upgrade',
    'a',
    'Connection',
    'Upgrade, X',
    'X',
    '1',
    'Content-Length',
    '5',
    'Trailer',
    'Y',
    'Z',
    '2',
  ];
  expect(switchingFields(fields)).toEqual(['Z', '2']);
});
