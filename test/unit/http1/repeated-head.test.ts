import { describe, expect, test } from 'vitest';
import { lines, parse } from './recording.js';

const HEAD = ['HTTP/1.1 200 OK', 'Date: Sun, 22 Nov 2026 10:00:00 GMT', 'Content-Length: 5'];
const RESPONSE = lines(...HEAD, '', 'hello');

describe('a head that is the same, byte for byte, as the last one', () => {
  test.each([true, false])('is told as it was, with the body and the rest behind it (window: %s)', (window) => {
    const first = parse([`${RESPONSE}rest`], { window });
    const second = parse([`${RESPONSE}rest`], { window });
    expect(second).toEqual(first);
    expect(second).toMatchObject({ body: 'hello', state: 'complete', leftover: 'rest' });
  });

  test('is the same at the end of a piece, and with its body cut', () => {
    parse([RESPONSE]);
    expect(parse([lines(...HEAD, '', ''), 'hel', 'lo'])).toMatchObject({ body: 'hello', state: 'complete' });
  });

  test('says something else to HEAD', () => {
    parse([RESPONSE]);
    const head = lines(...HEAD, '', '');
    expect(parse([head], { method: 'HEAD' }).head?.framing).toEqual({ kind: 'none' });
    expect(parse([head], { method: 'GET' }).head?.framing).toEqual({ kind: 'length', bytes: 5 });
  });

  test('is refused by limits that it is above, though another parser took it', () => {
    const response = lines('HTTP/1.1 200 OK', 'A: 1', 'B: 2', 'Content-Length: 0', '', '');
    parse([response]);
    expect(parse([response], { limits: { maxFields: 2 } }).error).toBe('http_response_header_section_size');
    expect(parse([response], { limits: { maxHeaderBytes: 20 } }).error).toBe('http_response_header_section_size');
  });

  test('is found behind an interim response, too', () => {
    parse([RESPONSE]);
    const outcome = parse([`HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${RESPONSE}`]);
    expect(outcome).toMatchObject({ body: 'hello', interim: [[103, 'Early Hints', ['Link', '</a>']]] });
  });
});

test('a head with one other byte is another one', () => {
  parse([RESPONSE]);
  const { head, body } = parse([RESPONSE.replace('22 Nov', '23 Nov').replace('hello', 'hullo')]);
  expect([head?.rawHeaders[1], body]).toEqual(['Sun, 23 Nov 2026 10:00:00 GMT', 'hullo']);
});

test('a part of the last head is not it', () => {
  parse([RESPONSE]);
  expect(parse([RESPONSE.slice(0, 40)])).toMatchObject({ head: undefined, state: 'head' });
});

test('chunks that follow the same head are decoded each time', () => {
  const response = lines('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', '', '5', 'hello', '0', '', '');
  parse([response]);
  expect(parse([response])).toMatchObject({ body: 'hello', state: 'complete' });
});
