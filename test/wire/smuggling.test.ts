/** Requests that two servers may read in two ways, sent to a server that is told to be lenient, and to one that is not. */

import { createServer } from 'node:http';
import type { ScriptedOrigin } from 'pooled-backend/testing';
import { describe, expect, test } from 'vitest';
import { client, listen, startBackend, startOrigin } from '../mount/setting.js';

const INNER = 'GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n';
const EMPTY = '0\r\n\r\n';
const HELLO = '5\r\nhello\r\n0\r\n\r\n';

const post = (fields: string, body = '') => `POST /one HTTP/1.1\r\nHost: a\r\n${fields}\r\n\r\n${body}`;
const get = (fields: string, line = 'GET /one HTTP/1.1') => `${line}\r\n${fields}\r\n\r\n`;

const coding = (value: string): [string, string] => [
  `Transfer-Encoding: ${JSON.stringify(value)}`,
  post(`Transfer-Encoding: ${value}`, EMPTY),
];
const length = (value: string): [string, string] => [
  `Content-Length: ${JSON.stringify(value)}`,
  post(`Content-Length: ${value}`, 'hello'),
];
const host = (value: string): [string, string] => [`Host: ${JSON.stringify(value)}`, get(`Host: ${value}`)];
const line = (text: string): [string, string] => [JSON.stringify(text), get('Host: a', text)];

/** Refused by us or by node:http, whatever the leniency. */
const REFUSED: readonly [what: string, bytes: string][] = [
  ['CL.TE', post('Content-Length: 6\r\nTransfer-Encoding: chunked', `${EMPTY}G`)],
  ['TE.CL', post('Transfer-Encoding: chunked\r\nContent-Length: 4', `23\r\n${INNER}\r\n${EMPTY}`)],
  ['TE.TE', post('Transfer-Encoding: chunked\r\nTransfer-Encoding: identity', EMPTY)],
  ['chunked in two fields', post('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked', EMPTY)],
  ['CL.TE behind a fold', post('Content-Length: 5\r\nTransfer-Encoding:\r\n chunked', EMPTY)],
  [
    'CL.TE, both named by Connection',
    post('Connection: content-length, transfer-encoding\r\nContent-Length: 5\r\nTransfer-Encoding: chunked', EMPTY),
  ],
  ...['xchunked', 'identity', 'chunked, chunked', 'chunked, identity', 'identity, chunked', 'gzip, chunked'].map(
    coding,
  ),
  ...['\x0bchunked', 'chunked\x0b', '\x0cchunked', 'chunked\x00', '\xa0chunked'].map(coding),
  ...['"chunked"', 'chunked;q=1', 'chunked,', ',chunked', ''].map(coding),
  ['a space before the colon of a coding', post('Transfer-Encoding : chunked', EMPTY)],
  ['a space before the name of a coding', post(' Transfer-Encoding: chunked', EMPTY)],
  ['a coding behind a bare CR', post('X: y\rTransfer-Encoding: chunked', EMPTY)],
  ['a coding in HTTP/1.0', post('Transfer-Encoding: chunked', EMPTY).replace('/1.1', '/1.0')],
  ...['+5', '-1', '0x5', '5, 5', '5 5', '', '5.0', '5\x0b', '99999999999999999999', '1\r\n 5'].map(length),
  ['the same length twice', post('Content-Length: 5\r\nContent-Length: 5', 'hello')],
  ['two lengths', post('Content-Length: 5\r\nContent-Length: 6', 'hello')],
  ['a space before the colon of a length', post('Content-Length : 5', 'hello')],
  ['a length behind a bare CR', post('X: y\rContent-Length: 5', 'hello')],
  ...['a, b', 'u@a', 'a/b', 'a b', ':80', 'a\r\nHost: a', 'a\r\nHost: b'].map(host),
  ['no Host', get('X: y')],
  ['a NUL in a value', get('Host: a\r\nX: a\x00b')],
  ['a vertical tab in a value', get('Host: a\r\nX: a\x0bb')],
  ['a bare CR in a value', get('Host: a\r\nX: a\rb')],
  ['a space in a name', get('Host: a\r\nX Y: a')],
  ['a line without a colon', get('Host: a\r\nXY')],
  ['a field without a name', get('Host: a\r\n: b')],
  ['a long head', get(`Host: a\r\nX: ${'a'.repeat(70_000)}`)],
  [
    'more fields than node:http keeps',
    `${get(`Host: a\r\n${'a:\r\n'.repeat(1_200)}Content-Length: 5`, 'POST /one HTTP/1.1')}hello`,
  ],
  ...['GET /one two HTTP/1.1', 'GET /one\ttwo HTTP/1.1', 'GET /\xe9 HTTP/1.1', 'GET /\x00 HTTP/1.1'].map(line),
  ...['GET /one#two HTTP/1.1', 'GET * HTTP/1.1', 'GET b.test:80 HTTP/1.1', 'GET ftp://b.test/one HTTP/1.1'].map(line),
  ...['GET http://u@b.test/one HTTP/1.1', 'GET /one HTTP/2.0', 'GET /one'].map(line),
  ['bytes behind a chunk', post('Transfer-Encoding: chunked', '5\r\nhelloXX\r\n0\r\n\r\n')],
  ['a chunk size in hexadecimal of C', post('Transfer-Encoding: chunked', '0x5\r\nhello\r\n0\r\n\r\n')],
  ['a negative chunk', post('Transfer-Encoding: chunked', '-5\r\nhello\r\n0\r\n\r\n')],
  ['a chunk beyond 2^64', post('Transfer-Encoding: chunked', 'fffffffffffffffff\r\nhello\r\n0\r\n\r\n')],
  ['a bare CR in a chunk extension', post('Transfer-Encoding: chunked', '5;a\rb\r\nhello\r\n0\r\n\r\n')],
];

/** Refused, and read by node:http to an end that somebody else sees further on: INNER would be in the body. */
const CUT_SHORT: readonly [what: string, bytes: string][] = [
  ['CL.TE', post(`Content-Length: ${EMPTY.length + INNER.length}\r\nTransfer-Encoding: chunked`, EMPTY)],
  ['TE.CL', post(`Transfer-Encoding: chunked\r\nContent-Length: ${EMPTY.length + INNER.length}`, EMPTY)],
  [
    'CL.TE, a space before the colon of the coding',
    post(`Content-Length: ${EMPTY.length}\r\nTransfer-Encoding : chunked`, EMPTY),
  ],
  [
    'CL.TE in a GET, a space before the colon of the coding',
    get(`Host: a\r\nContent-Length: ${EMPTY.length + INNER.length}\r\nTransfer-Encoding : chunked`) + EMPTY,
  ],
  ['a space before the colon of the coding', post('Transfer-Encoding : chunked', EMPTY)],
  ['a space before the colon of the length', post(`Content-Length : ${INNER.length}`)],
  ['a coding before chunked', post('Transfer-Encoding: identity, chunked', EMPTY)],
  ['a coding in HTTP/1.0', post('Connection: keep-alive\r\nTransfer-Encoding: chunked', EMPTY).replace('/1.1', '/1.0')],
  ['a length behind more fields than node:http keeps', post(`${'a:\r\n'.repeat(1_200)}Content-Length: 0`)],
  ['two Host fields', post('Host: b\r\nContent-Length: 0')],
  ['two Host fields that Connection names', post('Host: b\r\nConnection: host\r\nContent-Length: 0')],
  [
    'two Host fields beside an absolute target',
    get('Host: a\r\nHost: b\r\nContent-Length: 0', 'POST http://b.test/one HTTP/1.1'),
  ],
  ['a bad Host field beside an absolute target', get('Host: a/b@c', 'POST http://b.test/one HTTP/1.1')],
];

/** Read by a lenient server in one way: the origin gets exactly that, written plainly. */
const READ: readonly [what: string, bytes: string, body: string, fields?: Readonly<Record<string, string>>][] = [
  ['a tab before the coding', post('Transfer-Encoding:\tchunked', HELLO), 'hello'],
  ['the coding in capitals', post('TRANSFER-ENCODING: CHUNKED', HELLO), 'hello'],
  ['a coding behind a fold', post('Transfer-Encoding:\r\n chunked', HELLO), 'hello'],
  ['a coding behind a bare LF', post('X: y\nTransfer-Encoding: chunked', HELLO), 'hello', { x: 'y' }],
  ['a coding named by Connection', post('Connection: transfer-encoding\r\nTransfer-Encoding: chunked', HELLO), 'hello'],
  ['a length named by Connection', post('Connection: content-length\r\nContent-Length: 5', 'hello'), 'hello'],
  ['a length with a zero in front', post('Content-Length: 05', 'hello'), 'hello', { 'content-length': '5' }],
  ['a folded field', post('X: a\r\n b\r\nContent-Length: 5', 'hello'), 'hello', { x: 'a b' }],
  ['a folded host', get('Host:\r\n b'), '', { host: 'b' }],
  ['bare LFs', 'GET /one HTTP/1.1\nHost: a\nX: y\n\n', '', { x: 'y' }],
  ['an absolute target beside another host', get('Host: a', 'GET http://b.test/one HTTP/1.1'), '', { host: 'b.test' }],
  ['a request in the body of a GET', get(`Host: a\r\nContent-Length: ${INNER.length}`) + INNER, INNER],
  [
    'a request in the chunks of a GET',
    `${get('Host: a\r\nTransfer-Encoding: chunked')}23\r\n${INNER}\r\n${EMPTY}`,
    INNER,
  ],
  [
    'a request behind an upgrade',
    post(`Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: ${INNER.length}`, INNER),
    INNER,
  ],
  ['an extension of a chunk', post('Transfer-Encoding: chunked', '5;a=b\r\nhello\r\n0\r\n\r\n'), 'hello'],
  ['an extension that ends with a bare LF', post('Transfer-Encoding: chunked', '5;a\nhello\r\n0\r\n\r\n'), 'hello'],
  ['a chunk without its line end', post('Transfer-Encoding: chunked', '5\r\nhello0\r\n\r\n'), 'hello'],
  [
    'trailers that would change the framing',
    post(
      'Transfer-Encoding: chunked',
      '5\r\nhello\r\n0\r\nContent-Length: 9\r\nHost: b\r\nTransfer-Encoding: x\r\n\r\n',
    ),
    'hello',
  ],
  ['a length with an underscore', post('Content_Length: 40\r\nContent-Length: 5', 'hello'), 'hello'],
];

async function server(insecureHTTPParser: boolean) {
  const origin = await startOrigin();
  const backend = startBackend(origin, { maxConnections: 2, spareConnections: false });
  return { origin, port: await listen(createServer({ insecureHTTPParser }, backend.handler())) };
}

/** How the server answers the bytes: the status of its first response, or 0 when it just closes. */
async function statusOf(port: number, bytes: string): Promise<number> {
  const raw = await client(port);
  raw.write(bytes);
  return raw.readResponse().then(
    ({ status }) => status,
    () => 0,
  );
}

/** All that the origin's connections received is requests of ours, one after the other, and nothing between. */
function writtenPlainly(origin: ScriptedOrigin): boolean {
  return origin.connections.every(({ garbage }) => garbage === undefined);
}

describe.each([true, false])('insecureHTTPParser: %s', (insecure) => {
  test.each(REFUSED)('%s is refused, and the origin hears nothing', async (_what, bytes) => {
    const { origin, port } = await server(insecure);
    expect([0, 400, 431]).toContain(await statusOf(port, bytes));
    expect(await statusOf(port, 'GET /after HTTP/1.1\r\nHost: a\r\n\r\n')).toBe(200);
    expect(origin.requests.map(({ path }) => path)).toEqual(['/after']);
  });

  test.each(READ)('%s is refused, or read in one way and written plainly', async (_what, bytes, body, fields = {}) => {
    const { origin, port } = await server(insecure);
    const status = await statusOf(port, bytes);
    expect(await statusOf(port, 'GET /after HTTP/1.1\r\nHost: a\r\n\r\n')).toBe(200);
    if (insecure) expect(status).toBe(200);
    const [first, ...rest] = origin.requests;
    expect([200, 400]).toContain(status);
    expect([first?.path, ...rest.map(({ path }) => path)]).toEqual(status === 200 ? ['/one', '/after'] : ['/after']);
    expect(writtenPlainly(origin)).toBe(true);
    if (status !== 200) return;
    expect(first?.body.toString('latin1')).toBe(body);
    expect(first?.headers).toMatchObject(fields);
    expect(first?.headers).not.toHaveProperty('content_length');
    expect(first?.rawTrailers).toEqual([]);
  });

  test.each(CUT_SHORT)('%s is refused, and so is all that follows on its connection', async (_what, bytes) => {
    const { origin, port } = await server(insecure);
    // What is taken for a request can be sent at once.
    expect(await statusOf(port, 'GET /before HTTP/1.1\r\nHost: a\r\n\r\n')).toBe(200);
    const together = await client(port);
    together.write(bytes + INNER);
    await together.end();
    const after = await client(port);
    after.write(bytes);
    await after.readResponse().catch(() => undefined);
    after.write(INNER);
    await after.end();
    expect(await statusOf(port, 'GET /after HTTP/1.1\r\nHost: a\r\n\r\n')).toBe(200);
    expect(origin.requests.map(({ path }) => path)).toEqual(['/before', '/after']);
  });

  test('a second request in a pipeline is a second request', async () => {
    const { origin, port } = await server(insecure);
    const raw = await client(port);
    raw.write(`GET /one HTTP/1.1\r\nHost: a\r\n\r\n${INNER}`);
    expect([(await raw.readResponse()).status, (await raw.readResponse()).status]).toEqual([200, 200]);
    expect(origin.requests.map(({ path }) => path).sort()).toEqual(['/one', '/smuggled']);
  });
});

// A parser that is not lenient fails on the bytes behind it.
test.each([
  ['HTTP/1.1', 'Connection: close'],
  ['HTTP/1.1', 'Connection: x, Close'],
  ['HTTP/1.0', 'X: y'],
])('%s with %s is the last request of its connection, also where the server takes more', async (version, field) => {
  const { origin, port } = await server(true);
  const raw = await client(port);
  raw.write(`GET /one ${version}\r\nHost: a\r\n${field}\r\n\r\n${INNER}`);
  expect((await raw.readResponse()).status).toBe(200);
  await raw.ended();
  expect(raw.received.toString('latin1').match(/HTTP\/1\.1 /g)?.length).toBe(1);
  expect(origin.requests.map(({ path }) => path)).toEqual(['/one']);
});

test('what a client writes with underscores is not taken for the word of a proxy', async () => {
  const { origin, port } = await server(false);
  await statusOf(
    port,
    get('Host: a\r\nX_Forwarded_For: 1.2.3.4\r\nX-Forwarded_Proto: https\r\nTransfer_Encoding: chunked\r\nX_Y: z'),
  );
  const names = origin.requests[0]?.rawHeaders.filter((_, index) => index % 2 === 0);
  expect(names?.filter((name) => name.includes('_'))).toEqual(['X_Y']);
});
