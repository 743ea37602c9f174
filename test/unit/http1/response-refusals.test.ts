import { describe, expect, test } from 'vitest';
import type { BackendError, ErrorCode } from '../../../src/errors.js';
import { FieldSpans } from '../../../src/http1/llhttp.js';
import { readHead } from '../../../src/http1/response-head.js';
import { ResponseParser } from '../../../src/http1/response-parser.js';
import { feed, LIMITS, lines, parse, Recorder } from './recording.js';

const OK = 'HTTP/1.1 200 OK';
const LENGTH = 'Content-Length: 5';
const CHUNKED = 'Transfer-Encoding: chunked';

/** Why a response is refused, whether it is read whole or byte by byte. */
function refusal(text: string, method = 'GET'): ErrorCode | string {
  const whole = parse([text], { method });
  expect(parse(text.split(''), { method })).toEqual(whole);
  expect(whole.head).toBeUndefined();
  return whole.error ?? whole.state;
}

const head = (...fields: readonly string[]) => lines(OK, ...fields, '', '');

describe('framing that two readers could read in two ways is refused', () => {
  test.each([
    ['Content-Length with Transfer-Encoding', [LENGTH, CHUNKED]],
    ['Transfer-Encoding with Content-Length', [CHUNKED, LENGTH]],
    ['lengths that differ', [LENGTH, 'Content-Length: 6']],
    ['equal lengths', [LENGTH, 'content-length: 5']],
    ['a list of lengths', ['Content-Length: 5, 5']],
    ['an empty length', ['Content-Length:']],
    ['a signed length', ['Content-Length: +5']],
    ['a negative length', ['Content-Length: -5']],
    ['a length in hexadecimal', ['Content-Length: 0x5']],
    ['a length with a fraction', ['Content-Length: 5.0']],
    ['a length in two parts', ['Content-Length: 5 5']],
    ['a length of 2^53', ['Content-Length: 9007199254740992']],
    ['a length of 2^64 - 1', ['Content-Length: 18446744073709551615']],
    ['a length beyond 2^64', ['Content-Length: 18446744073709551621']],
    ['a long length', ['Content-Length: 00000000000000005']],
  ])('%s', (_what, fields) => {
    expect(refusal(head(...fields))).toBe('http_protocol_error');
    expect(refusal(head(...fields), 'HEAD')).toBe('http_protocol_error');
  });

  test('but the largest exact length is read', () => {
    const { head } = parse([lines(OK, 'Content-Length: 9007199254740991', '', '')]);
    expect(head?.framing).toEqual({ kind: 'length', bytes: Number.MAX_SAFE_INTEGER });
  });

  test.each([
    'xchunked',
    'chunked;foo',
    'chunked, gzip',
    'gzip, chunked',
    'chunked, chunked',
    'identity',
    'gzip',
    '',
    '"chunked"',
    'chunked,',
    ',chunked',
    'chunked\t',
  ])('Transfer-Encoding: %j', (coding) => {
    expect(refusal(head(`Transfer-Encoding: ${coding}`))).toBe('http_response_transfer_coding');
  });

  test('Transfer-Encoding: chunked twice', () => {
    expect(refusal(head(CHUNKED, 'transfer-encoding: chunked'))).toBe('http_response_transfer_coding');
    expect(refusal(head(CHUNKED, 'A: b', 'Transfer-Encoding: identity'))).toBe('http_response_transfer_coding');
  });

  test('in an interim response too', () => {
    const text = lines('HTTP/1.1 103 Early Hints', 'Transfer-Encoding: gzip', '', OK, LENGTH, '', 'hello');
    expect(parse([text])).toMatchObject({ interim: [], head: undefined, error: 'http_response_transfer_coding' });
  });

  test('by our own reading, should llhttp let it pass', () => {
    expect(() => readHead(...read(LENGTH, 'Content-Length: 5'), 'GET')).toThrow('Content-Length twice, "5" and "5"');
    expect(() => readHead(...read(CHUNKED, LENGTH), 'GET')).toThrow('both Content-Length "5" and Transfer-Encoding');
    expect(() => readHead(...read('Content-Length: 5 '), 'GET')).not.toThrow();
    expect(() => readHead(...read('Content-Length: 5,5'), 'GET')).toThrow('the Content-Length "5,5"');
  });
});

/** A head as llhttp would hand it over, had it no rules. */
function read(...fields: readonly string[]): [string, FieldSpans] {
  const spans = new FieldSpans();
  const text = head(...fields);
  let start = OK.length + 2;
  for (const field of fields) {
    const colon = field.indexOf(':');
    spans.name(start, colon);
    spans.value(start + colon + 2, field.length - colon - 2);
    start += field.length + 2;
  }
  return [text, spans];
}

describe('lines and characters that no response may have are refused', () => {
  test.each([
    ['a folded line', lines(OK, 'A: b', ' c', LENGTH, '', '')],
    ['a line folded with a tab', lines(OK, 'A: b', '\tc', LENGTH, '', '')],
    ['a fold after the status line', lines(OK, ' A: b', LENGTH, '', '')],
    ['LF alone after the status line', `${OK}\nA: b\r\n${LENGTH}\r\n\r\n`],
    ['LF alone after a field', `${OK}\r\nA: b\n${LENGTH}\r\n\r\n`],
    ['a byte of no name after the last chunk', '5\r\nhello\r\n0\r\n\xd9: a\r\n\r\n'],
    ['a byte of no name behind no chunk', '0\r\n\xd9: a\r\n\r\n'],
    ['LF alone at the end', `${OK}\r\n${LENGTH}\r\n\n`],
    ['CR alone in a value', lines(OK, 'A: b\rc', LENGTH, '', '')],
    ['CR alone after a value', `${OK}\r\nA: b\r${LENGTH}\r\n\r\n`],
    ['CR CR LF after a value', `${OK}\r\nA: b\r\r\n${LENGTH}\r\n\r\n`],
    ['CR alone in the reason', lines('HTTP/1.1 200 O\rK', LENGTH, '', '')],
    ['CR CR after the status line', `${OK}\r\r${LENGTH}\r\n\r\n`],
    ['CR CR after a status without a reason', `HTTP/1.1 200\r\r${LENGTH}\r\n\r\n`],
    ['NUL in a value', head('A: b\x00c')],
    ['ESC in a value', head('A: \x1b[1m')],
    ['DEL in a value', head('A: b\x7f')],
    ['NUL in a known field', head('Connection: clo\x00se')],
    ['a vertical tab around a token', head('Connection:\x0bclose')],
    ['NUL in the reason', lines('HTTP/1.1 200 O\x00K', LENGTH, '', '')],
    ['SOH in the reason', lines('HTTP/1.1 200 \x01', LENGTH, '', '')],
    ['DEL in the reason', lines('HTTP/1.1 200 OK\x7f', LENGTH, '', '')],
    ['NUL in a name', head('A\x00: b')],
    ['a blank before the colon', head('A : b')],
    ['a tab before the colon', head('Content-Length\t: 5')],
    ['a blank in a name', head('A B: c')],
    ['latin1 in a name', head('\xc4: b')],
    ['an empty name', head(': b')],
    ['a line without a colon', head('A')],
    ['an empty line first', `\r\n${head(LENGTH)}`],
    ['a bare LF first', `\n${head(LENGTH)}`],
    ['a blank first', ` ${head(LENGTH)}`],
  ])('%s', (_what, text) => {
    expect(refusal(text)).toBe('http_protocol_error');
  });
});

describe('status lines of other kinds are refused', () => {
  test.each([
    'HTTP/1.1 000 Zero',
    'HTTP/1.1 099 Low',
    'HTTP/1.1 20 Short',
    'HTTP/1.1 2000 Long',
    'HTTP/1.1 2x0 Odd',
    'HTTP/1.1 -20 Odd',
    'HTTP/1.1  200 OK',
    'HTTP/1.1 200OK',
    'HTTP/1.1 200\tOK',
    'HTTP/1.1\t200 OK',
    'HTTP/0.9 200 OK',
    'HTTP/1.2 200 OK',
    'HTTP/1.9 200 OK',
    'HTTP/1.01 200 OK',
    'HTTP/2.0 200 OK',
    'HTTP/2 200 OK',
    'HTTP/3.0 200 OK',
    'http/1.1 200 OK',
    'RTSP/1.0 200 OK',
    'ICE/1.0 200 OK',
    'ICY 200 OK',
    'GET / HTTP/1.1',
    'HEAD / HTTP/1.1',
    'PRI * HTTP/2.0',
    'SSH-2.0-OpenSSH_9.6',
    '<html>',
  ])('%j', (line) => {
    expect(refusal(lines(line, LENGTH, '', ''))).toBe('http_protocol_error');
  });

  test.each(['\r', '\n', ' ', 'h', '\x16', '<'])('at the first byte, when it is %j', (byte) => {
    expect(parse([byte]).error).toBe('http_protocol_error');
  });

  test('and say what was seen', () => {
    expect(sentence(lines('HTTP/2.0 200 OK', LENGTH, '', ''))).toContain('answered with the protocol "HTTP/2.0"');
    expect(sentence(lines('HTTP/1.1 099 Low', LENGTH, '', ''))).toContain('the status "099"');
    expect(sentence('GET / HTTP/1.1\r\n')).toContain('"GET / HTTP/1.1\\r\\n"');
  });

  test('in one line of printable ASCII, however long', () => {
    const message = sentence(lines(`HTTP/1.1 200 ${'\x00\x1b\r\xe9"\\'.repeat(1_000)}`, '', ''));
    expect(message).toMatch(/^[\x20-\x7e…]{10,400}$/);
    expect(sentence(head(`Transfer-Encoding: ${'\xff'.repeat(5_000)}`))).toMatch(/^[\x20-\x7e…]{10,400}$/);
    expect(sentence(lines(OK, `A: ${'x'.repeat(5_000)}\x00`, '', ''))).toMatch(/^[\x20-\x7e…]{10,200}$/);
  });
});

function sentence(text: string): string {
  const parser = new ResponseParser(new Recorder(), LIMITS);
  parser.begin('GET');
  const error: BackendError | undefined = feed(parser, text, false);
  parser.free();
  return error?.message ?? '';
}

describe('chunks that are not exactly chunks are refused, after what was good', () => {
  test.each([
    ['a sign', '+5\r\nhello\r\n0\r\n\r\n'],
    ['a blank before the size', ' 5\r\nhello\r\n0\r\n\r\n'],
    ['a blank after the size', '5 \r\nhello\r\n0\r\n\r\n'],
    ['0x', '0x5\r\nhello\r\n0\r\n\r\n'],
    ['no size', '\r\nhello\r\n0\r\n\r\n'],
    ['an underscore', '1_0\r\nhello\r\n0\r\n\r\n'],
    ['a size beyond 64 bits', '10000000000000000\r\nhello\r\n0\r\n\r\n'],
    ['LF alone after the size', '5\nhello\r\n0\r\n\r\n'],
    ['LF alone after the bytes', '5\r\nhello\n0\r\n\r\n'],
    ['nothing after the bytes', '5\r\nhello0\r\n\r\n'],
    ['more bytes than announced', '5\r\nhello!\r\n0\r\n\r\n'],
    ['LF alone after the last chunk', '5\r\nhello\r\n0\n\r\n'],
    ['LF alone behind no chunk', '0\r\n\n'],
    ['a byte of no name after the last chunk', '5\r\nhello\r\n0\r\n\xd9: a\r\n\r\n'],
    ['a byte of no name behind no chunk', '0\r\n\xd9: a\r\n\r\n'],
    ['LF alone at the end', '5\r\nhello\r\n0\r\n\n'],
    ['LF in an extension', '5;a=b\nc\r\nhello\r\n0\r\n\r\n'],
    ['CR in an extension', '5;a=b\rc\r\nhello\r\n0\r\n\r\n'],
    ['NUL in an extension', '5;a="\x00"\r\nhello\r\n0\r\n\r\n'],
    ['a folded trailer', '5\r\nhello\r\n0\r\nT: a\r\n b\r\n\r\n'],
    ['LF alone after a trailer', '5\r\nhello\r\n0\r\nT: a\n\r\n'],
    ['NUL in a trailer', '5\r\nhello\r\n0\r\nT: \x00\r\n\r\n'],
    ['CR alone in a trailer', '5\r\nhello\r\n0\r\nT: a\rb\r\n\r\n'],
    ['a blank before the colon of a trailer', '5\r\nhello\r\n0\r\nT : a\r\n\r\n'],
    ['a trailer without a colon', '5\r\nhello\r\n0\r\nT: a\r\nU\r\n\r\n'],
    ['a trailer without a name', '5\r\nhello\r\n0\r\n: a\r\n\r\n'],
  ])('%s', (_what, body) => {
    const text = head(CHUNKED) + body;
    const outcome = parse([text]);
    expect(outcome).toMatchObject({ state: 'failed', error: 'http_response_transfer_coding', trailers: undefined });
    expect('hello'.startsWith(outcome.body)).toBe(true);
    expect(parse(text.split(''))).toEqual(outcome);
    for (let at = 0; at < text.length; at++) expect(parse([text.slice(0, at), text.slice(at)])).toEqual(outcome);
  });
});

describe('what a response may cost is limited', () => {
  const sized = (bytes: number) => {
    const frame = lines(OK, 'Content-Length: 0', 'A: ', '', '');
    return frame.replace('A: ', `A: ${'a'.repeat(bytes - frame.length)}`);
  };

  test('a head has maxHeaderBytes at the most, blank line included', () => {
    const limits = { maxHeaderBytes: 1_000 };
    expect(parse([sized(1_000)], { limits }).error).toBeUndefined();
    expect(parse([sized(1_001)], { limits }).error).toBe('http_response_header_section_size');
    expect(parse([`${OK}\r\nA: ${'a'.repeat(1_000)}`], { limits }).error).toBe('http_response_header_section_size');
  });

  test('a body does not count as head', () => {
    const text = lines(OK, 'Content-Length: 5000', '', 'x'.repeat(5_000));
    expect(parse([text], { limits: { maxHeaderBytes: 100 } }).state).toBe('complete');
  });

  test('each interim head has maxHeaderBytes of its own', () => {
    const hints = lines('HTTP/1.1 103 Early Hints', `Link: ${'a'.repeat(60)}`, '', '');
    const limits = { maxHeaderBytes: 100 };
    expect(parse([`${hints}${hints}${hints}${sized(100)}`], { limits })).toMatchObject({ state: 'complete' });
    const large = lines('HTTP/1.1 103 Early Hints', `Link: ${'a'.repeat(90)}`, '', '');
    expect(parse([`${hints}${large}`], { limits })).toMatchObject({
      error: 'http_response_header_section_size',
      interim: [[103, 'Early Hints', expect.any(Array)]],
    });
  });

  test('trailers have maxHeaderBytes at the most, blank line included', () => {
    const limits = { maxHeaderBytes: 100 };
    const text = (bytes: number) => lines(OK, CHUNKED, '', '1', 'x', '0', `T: ${'t'.repeat(bytes - 7)}`, '', '');
    expect(parse([text(100)], { limits }).error).toBeUndefined();
    expect(parse([text(101)], { limits }).error).toBe('http_response_trailer_section_size');
    expect(parse(text(101).split(''), { limits }).error).toBe('http_response_trailer_section_size');
  });

  test('a head has 2,000 fields at the most, and so have trailers', () => {
    const limits = { maxHeaderBytes: 65_536 };
    const fields = (count: number) => 'A: b\r\n'.repeat(count);
    const heads = (count: number) => parse([`${OK}\r\n${fields(count - 1)}Content-Length: 0\r\n\r\n`], { limits });
    expect(heads(2_000).error).toBeUndefined();
    expect(heads(2_001).error).toBe('http_response_header_section_size');
    const trailers = (count: number) => parse([`${head(CHUNKED)}0\r\n${fields(count)}\r\n`], { limits });
    expect(trailers(2_000).error).toBeUndefined();
    expect(trailers(2_001).error).toBe('http_response_trailer_section_size');
  });

  test('100 interim responses may come', () => {
    const interim = 'HTTP/1.1 102 Processing\r\n\r\n';
    const final = lines(OK, LENGTH, '', 'hello');
    expect(parse([interim.repeat(100) + final]).state).toBe('complete');
    const over = parse([interim.repeat(101) + final]);
    expect(over).toMatchObject({ error: 'http_protocol_error', head: undefined });
    expect(over.interim).toHaveLength(100);
  });

  test('chunk extensions have 16,384 bytes a response, however they are spread', () => {
    const chunks = (extension: string, count: number) => `1${extension}\r\nx\r\n`.repeat(count);
    const outcome = (body: string) => parse([`${head(CHUNKED)}${body}0\r\n\r\n`]);
    expect(outcome(chunks(`;${'a'.repeat(100)}`, 150)).state).toBe('complete');
    expect(outcome(chunks(`;${'a'.repeat(100)}`, 250)).error).toBe('http_response_transfer_coding');
    expect(outcome(chunks(`;${'a'.repeat(16_000)}`, 1)).state).toBe('complete');
    expect(outcome(chunks(`;${'a'.repeat(17_000)}`, 1)).error).toBe('http_response_transfer_coding');
    expect(parse([`${head(CHUNKED)}1;${'a'.repeat(17_000)}`]).error).toBe('http_response_transfer_coding');
    expect(outcome(`0;${'a'.repeat(17_000)}\r\n`).error).toBe('http_response_transfer_coding');
    expect(parse([`${head(CHUNKED)}0;${'a'.repeat(17_000)}\r\nT: 1\r\n`]).error).toBe('http_response_transfer_coding');
    expect(outcome(`${'0'.repeat(17_000)}1\r\nx\r\n`).error).toBe('http_response_transfer_coding');
  });

  test('neither heads nor trailers count as chunk extensions', () => {
    const padded = (bytes: number) => 'a'.repeat(bytes);
    const text = lines(
      OK,
      `A: ${padded(15_000)}`,
      CHUNKED,
      '',
      `1;${padded(9_000)}`,
      'x',
      '0',
      `T: ${padded(15_000)}`,
      '',
      '',
    );
    expect(parse([text]).state).toBe('complete');
    expect(parse([text.slice(0, 20_000), text.slice(20_000)]).state).toBe('complete');
  });

  test('chunks without extensions may be as small and as many as they like', () => {
    const outcome = parse([`${head(CHUNKED)}${'1\r\nx\r\n'.repeat(50_000)}0\r\n\r\n`]);
    expect(outcome).toMatchObject({ state: 'complete', body: 'x'.repeat(50_000) });
  });

  test('the budget of extensions is new for each response', () => {
    const parser = new ResponseParser(new Recorder(), LIMITS);
    for (let i = 0; i < 5; i++) {
      parser.begin('GET');
      const text = `${head(CHUNKED)}1;${'a'.repeat(10_000)}\r\nx\r\n0\r\n\r\n`;
      expect(feed(parser, text, false)).toBeUndefined();
    }
    parser.free();
  });
});
