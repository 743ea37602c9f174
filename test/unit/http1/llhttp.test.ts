import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { BackendError } from '../../../src/errors.js';
import { Llhttp, MAX_PARSERS, readWindow, WINDOW_BYTES } from '../../../src/http1/llhttp.js';
import { ResponseParser } from '../../../src/http1/response-parser.js';
import { feed, LIMITS, lines, Recorder } from './recording.js';

const CHUNKED = lines('HTTP/1.1 200 OK', 'A: b', 'Transfer-Encoding: chunked', '', '5', 'hello', '0', 'T: 1', '', '');

describe('the read window', () => {
  test('is the same buffer at every call, whatever happens in between', () => {
    const before = readWindow();
    const parser = new ResponseParser(new Recorder(), LIMITS);
    parser.begin('GET');
    feed(parser, CHUNKED, true);
    parser.free();
    expect(readWindow()).toBe(before);
    expect(before.length).toBe(WINDOW_BYTES);
  });

  test.each([5_000, 20_000])('stays attached, and right, with %i parsers alive', (count) => {
    const window = readWindow();
    const recorders = Array.from({ length: count }, () => new Recorder());
    const parsers = recorders.map((recorder) => new ResponseParser(recorder, LIMITS));
    // All of them are inside their responses at the same time.
    for (const parser of parsers) parser.begin('GET');
    for (const half of [CHUNKED.slice(0, 20), CHUNKED.slice(20, 60), CHUNKED.slice(60)]) {
      for (const parser of parsers) {
        if (feed(parser, half, true) !== undefined) throw new Error('refused');
      }
    }
    for (const parser of parsers) parser.free();
    expect(new Set(recorders.map(({ body, trailers }) => `${body} ${trailers?.join()}`))).toEqual(
      new Set(['hello T,1']),
    );
    expect(window.length).toBe(WINDOW_BYTES);
    expect(readWindow()).toBe(window);
  });

  test('outlives any number of parsers, one after the other', () => {
    const window = readWindow();
    for (let i = 0; i < 5 * MAX_PARSERS; i++) new Llhttp().free();
    expect(window.length).toBe(WINDOW_BYTES);
  });
});

describe('when there is no room', () => {
  const alive: Llhttp[] = [];
  afterEach(() => {
    for (const parser of alive.splice(0)) parser.free();
  });

  test('one more parser is refused, and those alive go on', () => {
    const window = readWindow();
    const recorder = new Recorder();
    const parser = new ResponseParser(recorder, LIMITS);
    while (alive.length < MAX_PARSERS - 1) alive.push(new Llhttp());

    const refused = thrownBy(() => new ResponseParser(new Recorder(), LIMITS));

    expect(BackendError.is(refused) && refused.code).toBe('proxy_internal_error');
    expect(window.length).toBe(WINDOW_BYTES);
    parser.begin('GET');
    expect(feed(parser, CHUNKED, true)).toBeUndefined();
    expect(recorder.body).toBe('hello');
    parser.free();
    expect(() => new Llhttp().free()).not.toThrow();
  });

  test('a parser that is freed twice makes room for one', () => {
    const [first, second] = [new Llhttp(), new Llhttp()];
    first.free();
    first.free();
    while (alive.length < MAX_PARSERS - 1) alive.push(new Llhttp());
    expect(() => new Llhttp()).toThrow('the most that fit');
    second.free();
  });
});

test('a process without WebAssembly is told so', async () => {
  vi.stubGlobal('WebAssembly', undefined);
  vi.resetModules();
  onTestFinished(() => void vi.unstubAllGlobals());
  const inThatProcess = await import('../../../src/http1/llhttp.js');
  expect(() => inThatProcess.readWindow()).toThrow('was node started with --jitless?');
});

function thrownBy(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  return undefined;
}
