import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { lines, parse, type Reading } from './recording.js';

const OK = 'HTTP/1.1 200 OK';
const CHUNKED = 'Transfer-Encoding: chunked';

interface Fixture extends Reading {
  readonly text: string;
}

/** Each is read whole, and then in every other way: the outcome must be the same. */
const FIXTURES: Readonly<Record<string, Fixture>> = {
  'a length': { text: lines(OK, 'Content-Type: text/plain', 'Content-Length: 5', '', 'hello') },
  'a length and stray bytes': { text: lines(OK, 'Content-Length: 5', '', 'helloHTTP/1.1') },
  'empty values': { text: lines(OK, 'A:', 'B: ', 'C:\t ', 'D: d', 'E:', 'Content-Length: 0', '', '') },
  'blanks around values': { text: lines(OK, 'A: \t a \t b \t ', 'Connection: close\t', 'Content-Length:  0', '', '') },
  latin1: { text: lines('HTTP/1.1 200 \xfc\xdf', 'A: \x80\xff \xa0', 'Content-Length: 2', '', '\xff\x00') },
  'no reason': { text: lines('HTTP/1.1 200', 'Content-Length: 0', '', '') },
  'chunks and trailers': {
    text: lines(
      OK,
      CHUNKED,
      '',
      '5;a="b c"',
      'hello',
      '0A',
      'wide \r\n wo',
      '0',
      'Tr: 1 ',
      'Empty:',
      'U: \xe9',
      '',
      '',
    ),
  },
  'chunks and stray bytes': { text: lines(OK, 'A: b', CHUNKED, '', '1', 'x', '0', '', '0\r\n\r\n') },
  'chunks of HTTP/1.0': { text: lines('HTTP/1.0 200 OK', CHUNKED, '', '3', 'abc', '0', '', '') },
  'interim responses': {
    text: lines(
      'HTTP/1.1 100 Continue',
      '',
      'HTTP/1.1 103 E',
      'Link: a',
      'X:',
      '',
      OK,
      CHUNKED,
      '',
      '1',
      'a',
      '0',
      '',
      '',
    ),
  },
  'an end by close': { text: lines('HTTP/1.0 200 OK', 'A: b', '', 'until the end'), closes: true },
  HEAD: { text: lines(OK, 'Content-Length: 5', '', ''), method: 'HEAD' },
  'a 204 with stray bytes': { text: lines('HTTP/1.1 204 No Content', 'A: b', '', 'stray') },
  'an upgrade': {
    text: lines('HTTP/1.1 101 Switching Protocols', 'Upgrade: x', 'Connection: upgrade', '', '\x81\x05hello'),
    expectsUpgrade: true,
  },
  'a truncated head': { text: lines(OK, 'Content-Le'), closes: true },
  'a truncated length': { text: lines(OK, 'Content-Length: 5', '', 'hel'), closes: true },
  'truncated chunks': { text: lines(OK, CHUNKED, '', '5', 'hel'), closes: true },
  'truncated trailers': { text: lines(OK, CHUNKED, '', '5', 'hello', '0', 'T: 1'), closes: true },
  'a bad field after an interim response': { text: lines('HTTP/1.1 103 E', '', OK, 'A b: c', '', '') },
  'a folded line': { text: lines(OK, 'A: b', ' c', 'Content-Length: 0', '', '') },
  'both framings': { text: lines(OK, CHUNKED, 'Content-Length: 5', '', '5', 'hello', '0', '', '') },
  'a bad chunk size': { text: lines(OK, CHUNKED, '', '5', 'hello', '-5', 'hello', '0', '', '') },
  'a chunk too long': { text: lines(OK, CHUNKED, '', '5', 'hello!', '0', '', '') },
  'a bad trailer': { text: lines(OK, CHUNKED, '', '5', 'hello', '0', 'T: \x00', '', '') },
  'a head too large': {
    text: lines(OK, 'A: b', `B: ${'b'.repeat(60)}`, 'C: \x00', '', ''),
    limits: { maxHeaderBytes: 64 },
  },
  'trailers too large': {
    text: lines(OK, CHUNKED, '', '1', 'x', '0', `T: ${'t'.repeat(60)}`, '', ''),
    limits: { maxHeaderBytes: 60 },
  },
  'too many fields': { text: lines(OK, 'A: 1', 'B: 2', 'C: 3', 'D: \x00', '', ''), limits: { maxFields: 2 } },
  'too many interim responses': {
    text: 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(4),
    limits: { maxInterim: 3 },
  },
  'extensions beyond the budget': {
    text: lines(OK, CHUNKED, '', `1;${'a'.repeat(40)}`, 'x', `1;${'b'.repeat(40)}`, 'y', '0', '', ''),
    limits: { maxChunkExtensionBytes: 40 },
  },
  'extensions within the budget': {
    text: lines(
      OK,
      CHUNKED,
      '',
      `1;${'a'.repeat(40)}`,
      'x',
      `1;${'b'.repeat(40)}`,
      'y',
      `0;${'c'.repeat(40)}`,
      'T: 1',
      '',
      '',
    ),
    limits: { maxChunkExtensionBytes: 90 },
  },
};

describe.each(Object.entries(FIXTURES))('a response with %s', (_name, { text, ...reading }) => {
  const whole = parse([text], reading);

  test.each([true, false])('is the same at every split into two (through the window: %j)', (window) => {
    for (let at = 0; at <= text.length; at++) {
      const outcome = parse([text.slice(0, at), text.slice(at)], { ...reading, window });
      expect(outcome, `split at ${at}`).toEqual(whole);
    }
  });

  test.each([true, false])('is the same byte by byte (through the window: %j)', (window) => {
    expect(parse(text.split(''), { ...reading, window })).toEqual(whole);
  });

  test('is the same in any pieces', () => {
    const cuts = fc.array(fc.nat(text.length), { maxLength: 12 });
    fc.assert(
      fc.property(cuts, fc.boolean(), (at, window) => {
        const edges = [0, ...at.sort((a, b) => a - b), text.length];
        const pieces = edges.slice(1).map((edge, i) => text.slice(edges[i], edge));
        expect(parse(pieces, { ...reading, window })).toEqual(whole);
      }),
      { numRuns: 50 },
    );
  });
});

const token = fc.stringMatching(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,12}$/);
const value = fc.stringMatching(/^(?:[!-~\x80-\xff](?:[\t !-~\x80-\xff]{0,20}[!-~\x80-\xff])?)?$/);
const field = fc.tuple(fc.constant('X-'), token, value).map(([x, name, text]): [string, string] => [x + name, text]);
const bytes = fc.uint8Array({ minLength: 1, maxLength: 40 }).map((array) => Buffer.from(array).toString('latin1'));

test('any response that is written is read back, however it is cut', () => {
  const response = fc.record({
    fields: fc.array(field, { maxLength: 6 }),
    chunks: fc.array(bytes, { maxLength: 5 }),
    trailers: fc.array(field, { maxLength: 3 }),
    interim: fc.array(fc.array(field, { maxLength: 2 }), { maxLength: 2 }),
    cuts: fc.array(fc.nat(), { maxLength: 8 }),
    window: fc.boolean(),
  });
  const written = (fields: readonly [string, string][]) =>
    fields.map(([name, text]) => `${name}: ${text}\r\n`).join('');
  fc.assert(
    fc.property(response, ({ fields, chunks, trailers, interim, cuts, window }) => {
      const text = [
        ...interim.map((hints) => `HTTP/1.1 103 Early Hints\r\n${written(hints)}\r\n`),
        `HTTP/1.1 200 OK\r\n${written(fields)}Transfer-Encoding: chunked\r\n\r\n`,
        ...chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`),
        `0\r\n${written(trailers)}\r\n`,
      ].join('');
      const edges = [0, ...cuts.map((cut) => cut % text.length).sort((a, b) => a - b), text.length];
      const outcome = parse(
        edges.slice(1).map((edge, i) => text.slice(edges[i], edge)),
        { window },
      );
      expect(outcome.error).toBeUndefined();
      expect(outcome.interim.map(([, , raw]) => raw)).toEqual(interim.map((hints) => hints.flat()));
      expect(outcome.head?.rawHeaders).toEqual([...fields.flat(), 'Transfer-Encoding', 'chunked']);
      expect(outcome.body).toBe(chunks.join(''));
      expect(outcome.trailers).toEqual(trailers.flat());
      expect(outcome.state).toBe('complete');
    }),
    { numRuns: 300 },
  );
});

test('any bytes at all are read to an outcome that does not depend on how they are cut', () => {
  const scrap = fc.constantFrom(
    OK,
    'HTTP/1.0 200 X',
    'HTTP/1.1 103 E',
    '\r\n',
    '\r',
    '\n',
    'A: b\r\n',
    'Content-Length: 3\r\n',
    `${CHUNKED}\r\n`,
    'Connection: close\r\n',
    '3\r\nabc\r\n',
    '0\r\n',
    '\r\n\r\n',
    ':',
    ' ',
    '\x00',
    'abc',
    ';x',
  );
  fc.assert(
    fc.property(fc.array(scrap, { maxLength: 14 }), fc.nat(), (scraps, cut) => {
      const text = `${OK}\r\n${scraps.join('')}`;
      const at = cut % text.length;
      expect(parse([text.slice(0, at), text.slice(at)])).toEqual(parse([text]));
    }),
    { numRuns: 1_000 },
  );
});
