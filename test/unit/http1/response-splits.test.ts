import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse } from './recording.js';
import { FIXTURES } from './response-fixtures.js';

const OK = 'HTTP/1.1 200 OK';
const CHUNKED = 'Transfer-Encoding: chunked';

/** Each is read whole, and then in every other way: the outcome must be the same. */
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

// The work for each byte must not grow with what has come of its line: this would take minutes.
test.each([
  ['value', 'X: '],
  ['name', ''],
])('a trailer with a long %s may come byte by byte', (_what, before) => {
  const long = before + 'a'.repeat(400_000);
  const text = `${OK}\r\n${CHUNKED}\r\n\r\n0\r\n${long}${before === '' ? ': ' : ''}\r\n\r\n`;
  const { trailers, state } = parse(text.split(''), { limits: { maxHeaderBytes: 1_048_576 } });
  expect([state, trailers?.join('').length]).toEqual(['complete', before === '' ? 400_000 : 400_001]);
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
