import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RepeatedHead } from '../../../src/http1/repeated-head.js';
import type { ResponseEvents } from '../../../src/http1/response-events.js';
import type { ResponseHead } from '../../../src/http1/response-head.js';
import { ResponseParser } from '../../../src/http1/response-parser.js';
import { feed, LIMITS, lines, type Outcome, parse, Recorder } from './recording.js';

const OK = lines('HTTP/1.1 200 OK', 'Date: Sun, 29 Nov 2026 04:00:00 GMT', 'Content-Length: 3', '', '');
const LATER = OK.replace('04:00:00', '04:00:01');
const NO_CONTENT = lines('HTTP/1.1 204 No Content', 'Server: a', '', '');
const NOT_MODIFIED = lines('HTTP/1.1 304 Not Modified', 'Content-Length: 3', '', '');
const EARLY = lines('HTTP/1.1 103 Early Hints', 'Link: a', '', '');
const CHUNKED = lines('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', '', '');
const CHUNKS = '3\r\nabc\r\n0\r\n\r\n';

interface Answer {
  readonly method: string;
  readonly pieces: readonly string[];
  readonly window: boolean;
}

/** What each of these comes to, read by so many parsers of one origin in turn. */
function readInTurn(
  answers: readonly Answer[],
  count = 1,
): { outcomes: Outcome[]; heads: (ResponseHead | undefined)[] } {
  let recorder = new Recorder();
  const events: ResponseEvents = {
    onInformation: (head) => recorder.onInformation(head),
    onHead: (head) => recorder.onHead(head),
    onBody: (bytes) => recorder.onBody(bytes),
    onEnd: (trailers) => recorder.onEnd(trailers),
  };
  const repeated = new RepeatedHead();
  const parsers = Array.from({ length: count }, () => new ResponseParser(events, LIMITS, repeated));
  const outcomes = answers.map(({ method, pieces, window }, at): Outcome => {
    const parser = parsers[at % count];
    if (parser === undefined) throw new Error('there is one at least');
    recorder = new Recorder();
    parser.begin(method);
    let error: string | undefined;
    for (const piece of pieces) error ??= feed(parser, piece, window)?.code;
    const { interim, head, body, trailers } = recorder;
    const { state, leftover } = parser;
    return { interim, head, body, trailers, state, leftover: leftover?.toString('latin1') ?? '', error };
  });
  for (const parser of parsers) parser.free();
  return { outcomes, heads: outcomes.map(({ head }) => head) };
}

function get(...pieces: readonly string[]): Answer {
  return { method: 'GET', pieces, window: true };
}

describe('a head that comes again', () => {
  test('is known from the third time on, with the body that came this time', () => {
    const { heads, outcomes } = readInTurn([get(`${OK}abc`), get(`${OK}def`), get(`${OK}ghi`), get(OK, 'jkl')]);
    expect(heads[1]).not.toBe(heads[0]);
    expect(heads[2]).toBe(heads[1]);
    expect(heads[3]).toBe(heads[1]);
    expect(outcomes.map(({ body }) => body)).toEqual(['abc', 'def', 'ghi', 'jkl']);
  });

  test('is known to all who read the same origin', () => {
    const { heads, outcomes } = readInTurn([get(`${OK}abc`), get(`${OK}def`), get(`${OK}ghi`)], 3);
    expect([heads[2] === heads[1], outcomes.map(({ body }) => body)]).toEqual([true, ['abc', 'def', 'ghi']]);
  });

  test('is not taken for one that differs in a byte, nor for its own beginning', () => {
    const { outcomes } = readInTurn([get(`${OK}abc`), get(`${OK}abc`), get(`${LATER}abc`), get(OK.slice(0, -2))]);
    expect(outcomes[2]?.head?.rawHeaders).toContain('Sun, 29 Nov 2026 04:00:01 GMT');
    expect([outcomes[3]?.head, outcomes[3]?.state]).toEqual([undefined, 'head']);
  });

  test.each([
    ['of a response without a body', NO_CONTENT],
    ['with bytes above ASCII', OK.replace('200 OK', '200 \xe9')],
  ])('is known %s', (_, text) => {
    const { heads } = readInTurn([get(text), get(text), get(text)]);
    expect(heads[2]).toBe(heads[1]);
  });

  test('is not known by what an earlier read has left behind it in the window', () => {
    const whole = get(`${OK}abc`);
    const other = EARLY.replace('Link: a', 'Link: b'); // of the same length, so that OK lies where it lay
    const cut = get(`${other}${OK.slice(0, -2)}`);
    const { outcomes } = readInTurn([whole, whole, get(`${EARLY}${OK}abc`), cut]);
    expect([outcomes[3]?.head, outcomes[3]?.interim.length]).toEqual([undefined, 1]);
  });

  test('means something else in the answer to another method', () => {
    const head = { method: 'HEAD', pieces: [OK], window: true };
    const { outcomes } = readInTurn([get(`${OK}abc`), get(`${OK}abc`), head, get(`${OK}abc`)]);
    expect(outcomes.map(({ head }) => head?.framing.kind)).toEqual(['length', 'length', 'none', 'length']);
  });

  test('is read each time where llhttp must read what follows', () => {
    const answer = get(`${CHUNKED}${CHUNKS}`);
    const { outcomes } = readInTurn([answer, answer, answer]);
    expect(outcomes.map(({ body, state }) => [body, state])).toEqual(Array(3).fill(['abc', 'complete']));
  });

  test('leaves a parser that reads other heads as if it had read it', () => {
    const { outcomes } = readInTurn([get(`${OK}abc`), get(`${OK}abc`), get(`${OK}abc`), get(`${CHUNKED}${CHUNKS}`)]);
    expect(outcomes[3]).toEqual(parse([`${CHUNKED}${CHUNKS}`], { window: true }));
  });
});

test('whatever heads come again, each response is read as by a parser of its own', () => {
  const text = fc.constantFrom(`${OK}abc`, `${OK}xyz`, `${LATER}abc`, NO_CONTENT, NOT_MODIFIED, `${CHUNKED}${CHUNKS}`);
  const interim = fc.constantFrom('', '', EARLY);
  const behind = fc.constantFrom('', '', '', OK, 'x');
  const answer = fc
    .tuple(interim, text, behind, fc.constantFrom('GET', 'GET', 'HEAD'), fc.option(fc.nat(80)), fc.boolean())
    .map(([first, whole, rest, method, cut, window]): Answer => {
      const bytes = first + whole + (method === 'GET' ? rest : '');
      return { method, window, pieces: cut === null ? [bytes] : [bytes.slice(0, cut), bytes.slice(cut)] };
    });
  fc.assert(
    fc.property(fc.array(answer, { minLength: 3, maxLength: 12 }), fc.integer({ min: 1, max: 3 }), (answers, count) => {
      expect(readInTurn(answers, count).outcomes).toEqual(
        answers.map(({ pieces, method, window }) => parse(pieces, { method, window })),
      );
    }),
    { numRuns: 300 },
  );
});
