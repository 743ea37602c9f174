import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BackendError } from '../../../src/errors.js';
import { chunkHead, type RequestHeadParts, writeRequestHead, writeTrailers } from '../../../src/http1/request-head.js';

const GET: RequestHeadParts = {
  method: 'GET',
  path: '/',
  host: 'a.example',
  fields: [],
  framing: { kind: 'none' },
  acceptsTrailers: false,
};

describe('a request head', () => {
  test('has Host first, then the fields as they are, and ends in the blank line', () => {
    const fields = ['accept', '*/*', 'X-Dup', '1', 'x-dup', '', 'Latin', '\xe9 \x80'];
    expect(writeRequestHead({ ...GET, path: '/a?b=c~\xe9', fields })).toBe(
      'GET /a?b=c~\xe9 HTTP/1.1\r\nHost: a.example\r\naccept: */*\r\nX-Dup: 1\r\nx-dup: \r\nLatin: \xe9 \x80\r\nConnection: keep-alive\r\n\r\n',
    );
  });

  test.each([
    [{ kind: 'none' }, ''],
    [{ kind: 'length', bytes: 0 }, 'Content-Length: 0\r\n'],
    [{ kind: 'length', bytes: 12 }, 'Content-Length: 12\r\n'],
    [{ kind: 'chunked' }, 'Transfer-Encoding: chunked\r\n'],
  ] as const)('says its framing %j', (framing, text) => {
    expect(writeRequestHead({ ...GET, method: 'POST', framing })).toBe(
      `POST / HTTP/1.1\r\nHost: a.example\r\n${text}Connection: keep-alive\r\n\r\n`,
    );
  });

  test('leaves out every field that is not end-to-end or that it writes itself', () => {
    const fields = [
      'HOST',
      'evil',
      'Content-Length',
      '5',
      'content-length',
      '6',
      'Transfer-Encoding',
      'gzip',
      'Connection',
      'close',
      'TE',
      'gzip',
      'Trailer',
      'X',
      'Upgrade',
      'h2c',
      'Keep-Alive',
      'x',
      'Proxy-Connection',
      'close',
      'Kept',
      '1',
    ];
    expect(writeRequestHead({ ...GET, fields })).toBe(
      'GET / HTTP/1.1\r\nHost: a.example\r\nKept: 1\r\nConnection: keep-alive\r\n\r\n',
    );
  });

  test('asks for trailers when the client does', () => {
    expect(writeRequestHead({ ...GET, acceptsTrailers: true })).toContain(
      '\r\nTE: trailers\r\nConnection: keep-alive, TE\r\n\r\n',
    );
  });

  test('asks for an upgrade, and for trailers beside it', () => {
    expect(writeRequestHead({ ...GET, upgrade: 'websocket' })).toContain(
      '\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
    );
    expect(writeRequestHead({ ...GET, upgrade: 'x', acceptsTrailers: true })).toContain(
      '\r\nConnection: Upgrade, TE\r\n\r\n',
    );
  });

  test('announces trailers of a chunked body only', () => {
    const announced = { ...GET, fields: ['Trailer', 'X-A, X-B'] };
    expect(writeRequestHead({ ...announced, framing: { kind: 'chunked' } })).toContain('\r\nTrailer: X-A, X-B\r\n');
    expect(writeRequestHead({ ...announced, framing: { kind: 'length', bytes: 1 } })).not.toContain('Trailer');
  });

  test.each(['*', '/', '/a%20b', 'a.example:443', '/\xff'])('takes the path %j', (path) => {
    expect(writeRequestHead({ ...GET, path })).toMatch(`GET ${path} HTTP/1.1`);
  });

  test.each<Partial<RequestHeadParts>>([
    { method: '' },
    { method: 'GET ' },
    { method: 'GET / HTTP/1.1\r\nX:' },
    { path: '' },
    { path: '/a b' },
    { path: '/ HTTP/1.1\r\nX: y\r\n\r\nGET /' },
    { path: '/\n' },
    { path: '/\t' },
    { path: '/\x00' },
    { path: '/\x7f' },
    { path: '/\u0120' },
    { host: 'a b' },
    { host: 'a\r\nX: y' },
    { host: '\u0100' },
    { fields: ['A', 'b\r\nC: d'] },
    { fields: ['A\r\nB', 'c'] },
    { fields: ['', 'c'] },
    { fields: ['A', '\u010a'] },
    { fields: ['Host', 'skipped\r\nX: y'] },
    { upgrade: 'a\r\nX: y' },
  ])('is refused with %j', (part) => {
    expect(codeOf(() => writeRequestHead({ ...GET, ...part }))).toBe('http_request_error');
  });

  test.each([-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])('is refused with a length of %d', (bytes) => {
    expect(() => writeRequestHead({ ...GET, framing: { kind: 'length', bytes } })).toThrow(RangeError);
  });

  test('is refused, or has exactly the lines that were asked for, whatever the parts are', () => {
    const nasty = fc.constantFrom('\r\n', '\r', '\n', '\x00', ' ', ':', '\u010d\u010a', '\x85', 'a', 'B', '/', '\xff');
    const text = fc.oneof(
      fc.array(nasty, { maxLength: 6 }).map((parts) => parts.join('')),
      fc.string({ unit: 'binary' }),
    );
    const parts = fc.record({
      method: fc.oneof(fc.constant('GET'), text),
      path: fc.oneof(fc.constant('/'), text),
      host: fc.oneof(fc.constant('h'), text),
      names: fc.array(fc.oneof(fc.constant('X-A'), text), { maxLength: 4 }),
      values: fc.array(fc.oneof(fc.constant('v'), text), { minLength: 4, maxLength: 4 }),
    });
    fc.assert(
      fc.property(parts, ({ method, path, host, names, values }) => {
        const pairs = names.map((name, i): [string, string] => [`X-${name}`, values[i] ?? '']);
        let head: string;
        try {
          head = writeRequestHead({ ...GET, method, path, host, fields: pairs.flat() });
        } catch (error) {
          expect(BackendError.is(error)).toBe(true);
          return;
        }
        // What goes over the wire is the low byte of each character.
        const wire = Buffer.from(head, 'latin1').toString('latin1');
        const expected = [
          `${method} ${path} HTTP/1.1`,
          `Host: ${host}`,
          ...pairs.map((pair) => pair.join(': ')),
          'Connection: keep-alive',
          '',
          '',
        ];
        expect(wire.split(/\r\n|\r|\n/)).toEqual(expected);
        expect(wire.split(' ', 3)).toEqual([method, path, expect.stringMatching(/^HTTP\/1\.1\r\nHost:/)]);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('a chunked body', () => {
  test('has sizes in hexadecimal', () => {
    expect([chunkHead(1), chunkHead(255), chunkHead(65_536)]).toEqual(['1\r\n', 'ff\r\n', '10000\r\n']);
  });

  test('has no chunk of no bytes: it would be the last', () => {
    expect(() => chunkHead(0)).toThrow(RangeError);
  });

  test('ends with the last chunk and its trailers', () => {
    expect(writeTrailers([])).toBe('0\r\n\r\n');
    expect(writeTrailers(['X-A', '1', 'x-a', ''])).toBe('0\r\nX-A: 1\r\nx-a: \r\n\r\n');
  });

  test('has no trailer that would be two lines', () => {
    expect(codeOf(() => writeTrailers(['A', 'b\r\n\r\nGET / HTTP/1.1']))).toBe('http_request_error');
  });
});

function codeOf(call: () => unknown): string | undefined {
  try {
    call();
  } catch (error) {
    return BackendError.is(error) ? error.code : String(error);
  }
  return undefined;
}
