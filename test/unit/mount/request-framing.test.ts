import { describe, expect, test } from 'vitest';
import { type FramingFacts, requestFraming } from '../../../src/mount/request/request-framing.js';

const facts: FramingFacts = {
  contentLengths: [],
  transferEncoding: undefined,
  httpVersion: '1.1',
  endedWithHead: false,
};

describe('the body of a request', () => {
  test.each<[what: string, Partial<FramingFacts>, object]>([
    ['without a length', {}, { kind: 'none' }],
    ['with a length', { contentLengths: ['12'] }, { kind: 'length', bytes: 12 }],
    ['of length 0', { contentLengths: ['0'] }, { kind: 'length', bytes: 0 }],
    ['in chunks', { transferEncoding: 'Chunked' }, { kind: 'chunked' }],
    ['of HTTP/2, of which nothing is said', { httpVersion: '2.0' }, { kind: 'chunked' }],
    ['of HTTP/2, which ended with its head', { httpVersion: '2.0', endedWithHead: true }, { kind: 'none' }],
  ])('%s', (_what, found, framing) => {
    expect(requestFraming({ ...facts, ...found })).toEqual(framing);
  });

  test.each<[what: string, Partial<FramingFacts>]>([
    ['Content-Length twice', { contentLengths: ['5', '5'] }],
    ['a list of lengths', { contentLengths: ['5, 5'] }],
    ['a sign', { contentLengths: ['+5'] }],
    ['a hexadecimal length', { contentLengths: ['0x5'] }],
    ['no digits', { contentLengths: [''] }],
    ['a length beyond what can be counted', { contentLengths: ['99999999999999999999'] }],
    ['both framings', { contentLengths: ['5'], transferEncoding: 'chunked' }],
    ['chunked twice', { transferEncoding: 'chunked, chunked' }],
    ['another coding', { transferEncoding: 'gzip, chunked' }],
    ['a coding that looks like chunked', { transferEncoding: 'xchunked' }],
    ['an empty coding', { transferEncoding: '' }],
    ['chunks in HTTP/1.0', { transferEncoding: 'chunked', httpVersion: '1.0' }],
    ['chunks in HTTP/2', { transferEncoding: 'chunked', httpVersion: '2.0' }],
  ])('with %s is refused', (_what, found) => {
    expect(() => requestFraming({ ...facts, ...found })).toThrow(
      expect.objectContaining({ code: 'http_request_error' }),
    );
  });
});
