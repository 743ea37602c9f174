import { describe, expect, test } from 'vitest';
import { readWindow } from '../../../src/http1/llhttp.js';
import { ResponseParser } from '../../../src/http1/response-parser.js';
import { collectGarbage } from '../../garbage.js';
import { feed, LIMITS, lines, parse, Recorder } from './recording.js';

const OK = 'HTTP/1.1 200 OK';

describe('a head', () => {
  test('keeps names, values, order, case and duplicates as they came', () => {
    const { head } = parse([lines(OK, 'SeT-Cookie: a=1', 'x-b: 2', 'SET-COOKIE: c=3', 'Content-Length: 0', '', '')]);
    expect(head?.rawHeaders).toEqual(['SeT-Cookie', 'a=1', 'x-b', '2', 'SET-COOKIE', 'c=3', 'Content-Length', '0']);
  });

  test('pairs empty values with their names', () => {
    const { head } = parse([lines(OK, 'A:', 'B: ', 'C: c', 'D:\t', 'E: e', 'Content-Length: 0', '', '')]);
    expect(head?.rawHeaders).toEqual(['A', '', 'B', '', 'C', 'c', 'D', '', 'E', 'e', 'Content-Length', '0']);
  });

  test('has values without the blanks around them, and with those inside', () => {
    const { head } = parse([lines(OK, 'A: \t b \t c \t ', 'Content-Length: 0', '', '')]);
    expect(head?.rawHeaders.slice(0, 2)).toEqual(['A', 'b \t c']);
  });

  test('keeps latin1 byte for byte in values and in the reason', () => {
    const { head } = parse([lines('HTTP/1.1 200 Gr\xfc\xdf\x80', 'A: \xa0\xff\x85\xe9 ', 'Content-Length: 0', '', '')]);
    expect(head?.statusText).toBe('Gr\xfc\xdf\x80');
    expect(head?.rawHeaders[1]).toBe('\xa0\xff\x85\xe9');
  });

  test.each([
    ['HTTP/1.1 200 OK', 200, 'OK', 1],
    ['HTTP/1.0 200 OK', 200, 'OK', 0],
    ['HTTP/1.1 404 ', 404, '', 1],
    ['HTTP/1.1 500', 500, '', 1],
    ['HTTP/1.1 600 Own', 600, 'Own', 1],
    ['HTTP/1.1 999 \tLate  night ', 999, '\tLate  night ', 1],
  ])('is read from the status line %j', (line, statusCode, statusText, minorVersion) => {
    const { head } = parse([lines(line, 'Content-Length: 0', '', '')]);
    expect(head).toMatchObject({ statusCode, statusText, minorVersion });
  });

  test('is not kept by whoever keeps one of its fields', async () => {
    const etagOf = (i: number) => {
      const fields = [`X-Long: ${'a'.repeat(16_000)}`, `ETag: "of-the-answer-${1000 + i}"`, 'Content-Length: 0'];
      return parse([lines(OK, ...fields, '', '')]).head?.rawHeaders[3];
    };
    await collectGarbage();
    const before = process.memoryUsage().heapUsed;
    const kept = Array.from({ length: 1000 }, (_, i) => etagOf(i));
    await collectGarbage();
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(4_000_000);
    expect(new Set(kept).size).toBe(1000);
  });

  test('is told before the body has come', () => {
    const { head, body, state } = parse([lines(OK, 'Content-Length: 5', '', '')]);
    expect([head?.statusCode, body, state]).toEqual([200, '', 'body']);
  });
});

describe('a body', () => {
  test('with Content-Length ends after that many bytes', () => {
    const outcome = parse([lines(OK, 'Content-Length: 5', '', 'hello')]);
    expect(outcome).toMatchObject({ body: 'hello', trailers: [], state: 'complete', leftover: '' });
    expect(outcome.head?.framing).toEqual({ kind: 'length', bytes: 5 });
  });

  test('of length 0 is complete with its head', () => {
    const outcome = parse([lines(OK, 'Content-Length: 0', '', '')]);
    expect(outcome).toMatchObject({ body: '', trailers: [], state: 'complete' });
  });

  test('of any length passes unchanged, through the window and beside it', () => {
    const body = Array.from({ length: 200_000 }, (_, i) => String.fromCharCode(i % 256)).join('');
    const text = lines(OK, `Content-Length: ${body.length}`, '', body);
    const pieces = Array.from({ length: 4 }, (_, i) => text.slice(i * 65_536, (i + 1) * 65_536));
    expect(parse([text]).body).toBe(body);
    expect(parse(pieces, { window: true }).body).toBe(body);
  });

  test('in chunks is decoded, its trailers apart', () => {
    const outcome = parse([
      lines(
        OK,
        'Transfer-Encoding: Chunked',
        '',
        '5;a=b;c="d"',
        'hello',
        '00006',
        ' world',
        '0',
        'T: 1 ',
        'U:',
        '',
        '',
      ),
    ]);
    expect(outcome).toMatchObject({ body: 'hello world', trailers: ['T', '1', 'U', ''], state: 'complete' });
    expect(outcome.head?.rawHeaders).toEqual(['Transfer-Encoding', 'Chunked']);
  });

  test.each(['Content-Length: 5', 'Content-Length: x', 'Transfer-Encoding: gzip', 'Connection: upgrade', 'Upgrade: x'])(
    'in chunks is whole when its trailers say %s, which has no meaning there',
    (trailer) => {
      const text = lines(
        OK,
        'Transfer-Encoding: chunked',
        '',
        '5',
        'hello',
        '0',
        trailer,
        'T: 1',
        trailer,
        '',
        'stray',
      );
      const [name = '', value = ''] = trailer.split(': ');
      const whole = { body: 'hello', trailers: [name, value, 'T', '1', name, value], state: 'complete' };
      expect(parse([text])).toMatchObject({ ...whole, leftover: 'stray' });
    },
  );

  test('in chunks comes in one piece a read', () => {
    const recorder = new Recorder();
    const parser = new ResponseParser(recorder, LIMITS);
    parser.begin('GET');
    feed(parser, lines(OK, 'Transfer-Encoding: chunked', '', '1', 'a', '1', 'b', '1', 'c', '0', '', ''), true);
    parser.free();
    expect(recorder.order).toEqual(['head', 'body', 'end']);
  });

  test('without framing lasts until the origin closes', () => {
    const open = parse([lines(OK, '', 'hello')]);
    expect(open).toMatchObject({ body: 'hello', state: 'body', trailers: undefined });
    const closed = parse([lines(OK, '', 'hello')], { closes: true });
    expect(closed).toMatchObject({ body: 'hello', state: 'complete', trailers: [], error: undefined });
    expect(closed.head?.framing).toEqual({ kind: 'until-close' });
  });

  test.each([
    ['HEAD', 'HTTP/1.1 200 OK', 'Content-Length: 5'],
    ['HEAD', 'HTTP/1.1 200 OK', 'Transfer-Encoding: chunked'],
    ['HEAD', 'HTTP/1.1 200 OK', 'A: b'],
    ['GET', 'HTTP/1.1 204 No Content', 'A: b'],
    ['GET', 'HTTP/1.1 204 No Content', 'Content-Length: 5'],
    ['GET', 'HTTP/1.1 304 Not Modified', 'Content-Length: 5'],
    ['GET', 'HTTP/1.1 304 Not Modified', 'Transfer-Encoding: chunked'],
  ])('is absent in the answer to %s, %s, %s', (method, line, field) => {
    const outcome = parse([lines(line, field, '', '')], { method });
    expect(outcome).toMatchObject({ body: '', trailers: [], state: 'complete', leftover: '' });
    expect(outcome.head).toMatchObject({ framing: { kind: 'none' }, persistent: true });
  });

  test('is decoded from chunks of an HTTP/1.0 origin', () => {
    const outcome = parse([lines('HTTP/1.0 200 OK', 'Transfer-Encoding: chunked', '', '5', 'hello', '0', '', '')]);
    expect(outcome).toMatchObject({ body: 'hello', state: 'complete', error: undefined });
  });
});

describe('persistence', () => {
  const LENGTH = 'Content-Length: 0';
  test.each([
    ['HTTP/1.1', [LENGTH], true],
    ['HTTP/1.1', [LENGTH, 'Connection: keep-alive'], true],
    ['HTTP/1.1', [LENGTH, 'Connection: close'], false],
    ['HTTP/1.1', [LENGTH, 'Connection: close\t'], false],
    ['HTTP/1.1', [LENGTH, 'Connection: \t CLOSE \t'], false],
    ['HTTP/1.1', [LENGTH, 'Connection: foo,\tclose\t, bar'], false],
    ['HTTP/1.1', [LENGTH, 'Connection: keep-alive', 'connection: Close'], false],
    ['HTTP/1.1', [LENGTH, 'Connection: close', 'Connection: keep-alive'], false],
    ['HTTP/1.1', [LENGTH, 'Connection: keep-alive, close'], false],
    ['HTTP/1.1', [LENGTH, 'Connection: closed, not-close'], true],
    ['HTTP/1.1', [LENGTH, 'Proxy-Connection: close'], true],
    ['HTTP/1.1', ['Transfer-Encoding: chunked'], true],
    ['HTTP/1.1', [], false],
    ['HTTP/1.0', [LENGTH], false],
    ['HTTP/1.0', [LENGTH, 'Connection: foo'], false],
    ['HTTP/1.0', [LENGTH, 'Connection: keep-alive', 'Connection: foo'], true],
    ['HTTP/1.0', [LENGTH, 'Connection: Keep-Alive'], true],
    ['HTTP/1.0', [LENGTH, 'Connection: keep-alive, close'], false],
    ['HTTP/1.0', ['Connection: keep-alive'], false],
    ['HTTP/1.0', ['Connection: keep-alive', 'Transfer-Encoding: chunked'], false],
  ])('of %s with %j is %j', (version, fields, persistent) => {
    const { head } = parse([lines(`${version} 200 OK`, ...fields, '', '')]);
    expect(head?.persistent).toBe(persistent);
  });

  test('of an answer to HEAD does not need a length', () => {
    expect(parse([lines(OK, '', '')], { method: 'HEAD' }).head?.persistent).toBe(true);
  });
});

describe('interim responses', () => {
  test('are told in order, before the final head', () => {
    const outcome = parse([
      lines(
        'HTTP/1.1 100 Continue',
        '',
        'HTTP/1.1 103 Early Hints',
        'Link: </a>',
        'Link: </b>',
        '',
        OK,
        LENGTH_2,
        '',
        'ok',
      ),
    ]);
    expect(outcome.interim).toEqual([
      [100, 'Continue', []],
      [103, 'Early Hints', ['Link', '</a>', 'Link', '</b>']],
    ]);
    expect(outcome).toMatchObject({ body: 'ok', state: 'complete' });
  });

  test('that say close do not spoil the final response', () => {
    const outcome = parse([lines('HTTP/1.1 100 Continue', 'Connection: close', '', OK, LENGTH_2, '', 'ok')]);
    expect(outcome).toMatchObject({ body: 'ok', state: 'complete', error: undefined });
  });

  test('count as bytes seen', () => {
    const parser = new ResponseParser(new Recorder(), LIMITS);
    parser.begin('GET');
    const before = parser.sawBytes;
    feed(parser, 'HTTP/1.1 102 Processing\r\n\r\n', false);
    const { sawBytes, state } = parser;
    parser.begin('GET');
    expect([before, sawBytes, state, parser.sawBytes]).toEqual([false, true, 'head', false]);
    parser.free();
  });
});

const LENGTH_2 = 'Content-Length: 2';

describe('what follows a response', () => {
  test.each([
    [lines(OK, LENGTH_2, '', 'okHTTP/1.1 200 OK'), 'GET'],
    [lines(OK, 'Transfer-Encoding: chunked', '', '2', 'ok', '0', '', 'HTTP/1.1 200 OK'), 'GET'],
    [lines(OK, 'Transfer-Encoding: chunked', '', '2', 'ok', '0', 'T: 1', '', 'HTTP/1.1 200 OK'), 'GET'],
    [lines(OK, LENGTH_2, '', 'HTTP/1.1 200 OK'), 'HEAD'],
    [lines('HTTP/1.1 204 No Content', '', 'HTTP/1.1 200 OK'), 'GET'],
  ])('of %j is left over', (text, method) => {
    const outcome = parse([text], { method });
    expect(outcome).toMatchObject({ state: 'complete', trailers: expect.any(Array), leftover: 'HTTP/1.1 200 OK' });
  });

  test('is left over, too, when it comes later or in a later part of one read', () => {
    expect(parse([lines(OK, LENGTH_2, '', 'ok'), 'X', 'Y']).leftover).toBe('XY');
    expect(parse([lines(OK, LENGTH_2, '', `ok${'x'.repeat(150_000)}`)]).leftover).toBe('x'.repeat(150_000));
  });

  test('is not kept beyond a bound', () => {
    const more = Array.from({ length: 40 }, () => 'x'.repeat(10_000));
    expect(parse([lines(OK, LENGTH_2, '', 'ok'), ...more]).leftover.length).toBeLessThanOrEqual(75_536);
  });

  test('stays when the window is used for other bytes', () => {
    const parser = new ResponseParser(new Recorder(), LIMITS);
    parser.begin('GET');
    feed(parser, lines(OK, LENGTH_2, '', 'okstray'), true);
    readWindow().fill(0);
    expect(parser.leftover?.toString()).toBe('stray');
    parser.free();
  });
});

describe('a switch of protocols', () => {
  const SWITCH = lines('HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade', '', '');

  test('that was asked for ends HTTP, and every later byte is left over', () => {
    const outcome = parse([`${SWITCH}\x81\x00HTTP`, 'more'], { expectsUpgrade: true });
    expect(outcome).toMatchObject({ state: 'upgraded', leftover: '\x81\x00HTTPmore', trailers: undefined });
    expect(outcome.head).toMatchObject({ statusCode: 101, persistent: false, framing: { kind: 'none' } });
  });

  test('loses no byte of what follows, however much it is', () => {
    const more = Array.from({ length: 10 }, (_, i) => `${i}`.repeat(30_000));
    expect(parse([SWITCH, ...more], { expectsUpgrade: true }).leftover).toBe(more.join(''));
  });

  test('that nobody asked for is refused', () => {
    expect(parse([SWITCH])).toMatchObject({ state: 'failed', head: undefined, error: 'http_protocol_error' });
  });

  test('may be declined with an ordinary response', () => {
    const outcome = parse([lines(OK, LENGTH_2, '', 'no')], { expectsUpgrade: true });
    expect(outcome).toMatchObject({ state: 'complete', body: 'no' });
  });

  test('may come after interim responses', () => {
    const outcome = parse([`HTTP/1.1 103 Early Hints\r\n\r\n${SWITCH}x`], { expectsUpgrade: true });
    expect(outcome).toMatchObject({ state: 'upgraded', leftover: 'x' });
  });

  test('of CONNECT is any 2xx, whatever framing it claims', () => {
    const text = lines(OK, 'Content-Length: 99', '', 'tunnel');
    const outcome = parse([text], { method: 'CONNECT', expectsUpgrade: true });
    expect(outcome).toMatchObject({ state: 'upgraded', leftover: 'tunnel', body: '' });
    expect(outcome.head).toMatchObject({ persistent: false, framing: { kind: 'none' } });
    expect(parse([text], { method: 'CONNECT' }).error).toBe('http_protocol_error');
  });
});

describe('the end of the connection', () => {
  test.each([
    ['before any byte', '', 'without a byte'],
    ['inside a head', 'HTTP/1.1 200 O', 'in the middle of a response head'],
    ['after an interim response', 'HTTP/1.1 100 Continue\r\n\r\n', 'after an interim response'],
    ['inside a body with a length', lines(OK, 'Content-Length: 5', '', 'he'), 'after 2 of 5 body bytes'],
    ['inside a chunk', lines(OK, 'Transfer-Encoding: chunked', '', '5', 'he'), 'after 2 of an unknown number'],
    ['before the last chunk', lines(OK, 'Transfer-Encoding: chunked', '', '2', 'he', ''), 'after 2 of an unknown'],
    ['inside trailers', lines(OK, 'Transfer-Encoding: chunked', '', '0', 'T: 1', ''), 'after 0 of an unknown'],
  ])('%s leaves the response incomplete', (_where, text, sentence) => {
    const recorder = new Recorder();
    const parser = new ResponseParser(recorder, LIMITS);
    parser.begin('GET');
    feed(parser, text, false);
    const error = parser.finish();
    parser.free();
    expect(error?.code).toBe('http_response_incomplete');
    expect(error?.message).toContain(sentence);
    expect(recorder.trailers).toBeUndefined();
  });

  test('after a complete response is no error', () => {
    expect(parse([lines(OK, LENGTH_2, '', 'ok')], { closes: true })).toMatchObject({ error: undefined, trailers: [] });
  });
});

describe('a parser', () => {
  test.each([1, 7, 1_000])('reads one response after the other, in pieces of %i', (size) => {
    const recorder = new Recorder();
    const trailers: string[] = [];
    const parser = new ResponseParser(recorder, LIMITS);
    for (const text of [
      lines(OK, LENGTH_2, '', 'ok'),
      lines(OK, 'Transfer-Encoding: chunked', '', '2', 'ok', '0', 'T: 1', '', ''),
      lines(OK, 'Transfer-Encoding: chunked', '', '2', 'ok', '0', '', ''),
      lines('HTTP/1.1 100 Continue', '', OK, 'Transfer-Encoding: chunked', '', '2', 'ok', '0', 'U: 2', '', ''),
      lines('HTTP/1.1 304 Not Modified', LENGTH_2, '', ''),
    ]) {
      parser.begin('GET');
      for (let at = 0; at < text.length; at += size) feed(parser, text.slice(at, at + size), true);
      expect(parser.state).toBe('complete');
      trailers.push((recorder.trailers ?? []).join());
    }
    expect(recorder.body).toBe('okokokok');
    expect(recorder.order.filter((name) => name === 'end')).toHaveLength(5);
    expect(trailers).toEqual(['', 'T,1', '', 'U,2', '']);
    parser.free();
  });

  test('forgets with each request what the last response left', () => {
    const parser = new ResponseParser(new Recorder(), LIMITS);
    for (let i = 0; i < 3; i++) {
      parser.begin('GET');
      expect(parser.leftover).toBeUndefined();
      const interim = 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(60);
      expect(feed(parser, interim + lines(OK, LENGTH_2, '', 'okstray'), false)).toBeUndefined();
      expect(parser.leftover).toBeDefined();
    }
    parser.free();
  });

  test('may be given the next request inside onEnd', () => {
    const ends: (readonly string[])[] = [];
    const parser = new ResponseParser(
      { onInformation() {}, onHead() {}, onBody() {}, onEnd: (trailers) => ends.push(trailers) && parser.begin('GET') },
      LIMITS,
    );
    parser.begin('GET');
    feed(parser, lines(OK, LENGTH_2, '', 'ok'), true);
    expect(parser.state).toBe('head');
    feed(parser, lines(OK, LENGTH_2, '', 'ok'), true);
    expect(ends).toHaveLength(2);
    parser.free();
  });

  test.each(['information', 'head', 'body'])('tells nothing more of a read in which it was freed, in %s', (when) => {
    const recorder = new Recorder();
    const heard = (event: string) => {
      recorder.order.push(event);
      if (event === when) parser.free();
    };
    const parser = new ResponseParser(
      {
        onInformation: () => heard('information'),
        onHead: () => heard('head'),
        onBody: () => heard('body'),
        onEnd: () => heard('end'),
      },
      LIMITS,
    );
    parser.begin('GET');
    const interim = 'HTTP/1.1 102 Processing\r\n\r\n';
    expect(feed(parser, interim + interim + lines(OK, LENGTH_2, '', 'ok'), true)).toBeUndefined();
    const all = when === 'information' ? ['information'] : ['information', 'information', 'head', 'body'];
    expect(recorder.order).toEqual(all.slice(0, all.indexOf(when) + 1));
  });

  test('tells no error to one that freed it', () => {
    const parser = new ResponseParser(
      { onInformation: () => parser.free(), onHead() {}, onBody() {}, onEnd() {} },
      LIMITS,
    );
    parser.begin('GET');
    expect(feed(parser, 'HTTP/1.1 102 Processing\r\n\r\ngarbage', true)).toBeUndefined();
  });

  test('completes nothing after it was freed', () => {
    const recorder = new Recorder();
    const parser = new ResponseParser(recorder, LIMITS);
    parser.begin('GET');
    feed(parser, lines(OK, '', 'until the end'), true);
    parser.free();
    expect(parser.finish()).toBeUndefined();
    expect(recorder.trailers).toBeUndefined();
  });

  test('leaves the window alone when it is fed from elsewhere', () => {
    const parser = new ResponseParser(new Recorder(), LIMITS);
    readWindow().fill(0x2e);
    parser.begin('GET');
    feed(parser, lines(OK, 'Transfer-Encoding: chunked', '', '2', 'ok', '0', '', ''), false);
    expect(readWindow().every((byte) => byte === 0x2e)).toBe(true);
    parser.free();
  });

  test('is not disturbed by another one that is fed inside its events', () => {
    const inner = new Recorder();
    const other = new ResponseParser(inner, LIMITS);
    const outer = new Recorder();
    const parser = new ResponseParser(
      {
        onInformation() {},
        onHead() {
          readWindow().fill(0);
          other.begin('GET');
          feed(other, lines(OK, 'Transfer-Encoding: chunked', '', '5', 'inner', '0', '', ''), false);
        },
        onBody: (bytes) => outer.onBody(bytes),
        onEnd: (trailers) => outer.onEnd(trailers),
      },
      LIMITS,
    );
    parser.begin('GET');
    feed(parser, lines(OK, 'Transfer-Encoding: chunked', '', '5', 'outer', '0', 'T: 1', '', ''), true);
    expect([inner.body, outer.body, outer.trailers]).toEqual(['inner', 'outer', ['T', '1']]);
    parser.free();
    other.free();
  });

  test('answers an error, and tells nothing, when it is used after it was freed', () => {
    const recorder = new Recorder();
    const parser = new ResponseParser(recorder, LIMITS);
    parser.begin('GET');
    feed(parser, lines(OK, 'Content-Length: 50', '', 'some'), false);
    parser.free();
    parser.free();
    expect(feed(parser, 'more', false)?.code).toBe('proxy_internal_error');
    expect(() => parser.begin('GET')).toThrow('after it was freed');
    expect(recorder.body).toBe('some');
  });

  test('refuses bytes before the first request', () => {
    const parser = new ResponseParser(new Recorder(), LIMITS);
    expect(feed(parser, 'HTTP/1.1 408 Request Timeout\r\n\r\n', false)?.code).toBe('http_protocol_error');
    parser.free();
  });

  test('stays failed until the next request', () => {
    const parser = new ResponseParser(new Recorder(), LIMITS);
    parser.begin('GET');
    const first = feed(parser, 'garbage', false);
    expect(feed(parser, lines(OK, LENGTH_2, '', 'ok'), false)).toBe(first);
    expect(parser.finish()).toBe(first);
    parser.begin('GET');
    expect(feed(parser, lines(OK, LENGTH_2, '', 'ok'), false)).toBeUndefined();
    parser.free();
  });
});
