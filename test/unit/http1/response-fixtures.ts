/** Responses of every kind, well-formed and malformed, for tests that cut or mutate them. */

import { lines, type Reading } from './recording.js';

const OK = 'HTTP/1.1 200 OK';
const CHUNKED = 'Transfer-Encoding: chunked';

export interface Fixture extends Reading {
  readonly text: string;
}

export const FIXTURES: Readonly<Record<string, Fixture>> = {
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
  'trailers that look like framing': {
    text: lines(
      ...[OK, CHUNKED, '', '5', 'hello', '0', 'Content-Length: 3', 'Transfer-Encoding: gzip', 'Content-Length: x'],
      ...['Connection: close', 'Upgrade: x', 'A:1', '', 'stray'],
    ),
  },
  'a folded trailer': { text: lines(OK, CHUNKED, '', '5', 'hello', '0', 'T: a', ' b', '', '') },
  'a trailer without a name': { text: lines(OK, CHUNKED, '', '5', 'hello', '0', 'T: a', ': b', '', '') },
  'half a line end in the trailers': { text: lines(OK, CHUNKED, '', '5', 'hello', '0', 'T: a\n', '', '') },
  'trailers too large, with a bad one behind': {
    text: lines(OK, CHUNKED, '', '1', 'x', '0', `T: ${'t'.repeat(60)}`, 'U: \x00', '', ''),
    limits: { maxHeaderBytes: 60 },
  },
  'a first trailer that is none, as long as an extension may not be': {
    text: lines(OK, CHUNKED, '', '1', 'x', '0', `${'t'.repeat(50)} : t`, '', ''),
    limits: { maxHeaderBytes: 60, maxChunkExtensionBytes: 20 },
  },
  'a first trailer that is none and too large': {
    text: lines(OK, CHUNKED, '', '1', 'x', '0;e=1', `${'t'.repeat(70)} : t`, '', ''),
    limits: { maxHeaderBytes: 60, maxChunkExtensionBytes: 20 },
  },
  'no chunk and a first trailer that is none and too large': {
    text: lines(OK, CHUNKED, '', '0', `${'t'.repeat(70)} : t`, '', ''),
    limits: { maxHeaderBytes: 60, maxChunkExtensionBytes: 20 },
  },
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
