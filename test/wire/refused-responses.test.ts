/** Answers that two readers may read in two ways: 502, sent once, and the connection is closed. */

import { answer, execute, send } from 'pooled-backend/testing';
import { describe, expect, test } from 'vitest';
import { client, serve } from '../mount/setting.js';
import { checkAtRest, outcomeOf, startBackend, startOrigin } from './setting.js';

const OK = 'HTTP/1.1 200 OK';
const with200 = (...fields: string[]) => `${OK}\r\n${fields.map((field) => `${field}\r\n`).join('')}\r\n`;
const CHUNKED = 'Transfer-Encoding: chunked';
const EMPTY = 'Content-Length: 0';

const framing = (...fields: string[]): [string, string] => [fields.join(', '), with200(...fields)];
const line = (text: string): [string, string] => [JSON.stringify(text), `${text}\r\n${EMPTY}\r\n\r\n`];

const REFUSED: readonly [what: string, bytes: string][] = [
  ['no HTTP at all', 'hello\r\n\r\n'],
  ['a request', 'GET / HTTP/1.1\r\nHost: h\r\n\r\n'],
  ['an empty line in front', `\r\n${with200(EMPTY)}`],
  framing('Content-Length: 5', CHUNKED),
  framing(CHUNKED, 'Content-Length: 5'),
  framing('Content-Length: 5', 'Content-Length: 6'),
  framing('Content-Length: 5', 'Content-Length: 5'),
  ...['5, 5', '+5', '-5', '0x5', '5 5', '5.0', '', '18446744073709551621'].map((one) =>
    framing(`Content-Length: ${one}`),
  ),
  ...[
    'gzip',
    'identity',
    'xchunked',
    'gzip, chunked',
    'chunked, chunked',
    'chunked, identity',
    '"chunked"',
    'chunked;q=1',
    '\x0bchunked',
    'chunked,',
  ].map((one) => framing(`Transfer-Encoding: ${one}`)),
  framing(CHUNKED, CHUNKED),
  ['a folded field', with200('X: a\r\n b', EMPTY)],
  ['a field that is folded at once', with200(' X: a', EMPTY)],
  ['a space before a colon', with200('Content-Length : 0')],
  ['a field without a name', with200(': a', EMPTY)],
  ['a line without a colon', with200('X', EMPTY)],
  ['a space in a name', with200('X Y: a', EMPTY)],
  ['bare LFs', `${OK}\n${EMPTY}\n\n`],
  ['a bare LF behind a field', `${OK}\r\nX: a\n${EMPTY}\r\n\r\n`],
  ['a bare LF at the end', `${OK}\r\n${EMPTY}\r\n\n`],
  ['a bare CR in a value', with200('X: a\rb', EMPTY)],
  ['a bare CR for a line end', `${OK}\r\nX: a\r${EMPTY}\r\n\r\n`],
  ['a NUL in a value', with200('X: a\x00b', EMPTY)],
  ['a vertical tab in a value', with200('X: a\x0bb', EMPTY)],
  ['a DEL in a value', with200('X: a\x7fb', EMPTY)],
  ...['HTTP/1.1 200 O\x00K', 'HTTP/1.1 200 O\x07K', 'HTTP/1.1 200 O\rK', 'HTTP/1.1 099 Low', 'HTTP/1.1 20 Short'].map(
    line,
  ),
  ...['HTTP/1.1 1000 Long', 'HTTP/1.1 2x0 Odd', 'HTTP/1.1200 OK', 'HTTP/1.1  200 OK', 'http/1.1 200 OK'].map(line),
  ...['HTTP/2.0 200 OK', 'HTTP/1.2 200 OK', 'HTTP/0.9 200 OK', 'HTTP/11 200 OK', 'HTTP/1.10 200 OK', 'ICY 200 OK'].map(
    line,
  ),
  ['an upgrade that nobody asked for', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n'],
  ['a head that is too long', with200(`X: ${'a'.repeat(20_000)}`, EMPTY)],
  ['too many fields', with200(...Array.from({ length: 2_001 }, () => 'X:'), EMPTY)],
  ['interim responses without end', 'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(101) + with200(EMPTY)],
  ['an interim response that is malformed', `HTTP/1.1 103 Early Hints\r\nX: a\x00\r\n\r\n${with200(EMPTY)}`],
];

describe.each(['GET', 'HEAD'])('answering %s', (method) => {
  test.each(REFUSED)('%s', async (_what, bytes) => {
    const rules = [{ when: { path: '/bad' }, steps: [execute(), send(bytes)] }, { steps: [answer({ body: 'ok' })] }];
    const origin = await startOrigin({ rules });
    const backend = startBackend(origin, { maxConnections: 1, headersTimeout: 2_000 });
    const refused = await outcomeOf(backend, { method, path: '/bad', id: 'bad' });
    expect(refused).toMatchObject({ status: 502, attempts: 1, delivery: 'unknown' });
    expect(await outcomeOf(backend)).toMatchObject({ status: 200, body: 'ok' });
    expect([origin.executions('bad'), origin.connectionsAccepted]).toEqual([1, 2]);
    checkAtRest(backend, 1);
  });
});

/** Behind a head that is in order: the client has it by now, so its connection is cut. */
const BROKEN_BODIES: readonly [what: string, body: string][] = [
  ['a chunk size that is none', 'xyz\r\n'],
  ['a negative chunk', '-5\r\nhello\r\n'],
  ['a chunk in C', '0x5\r\nhello\r\n'],
  ['a chunk beyond 2^64', 'fffffffffffffffff\r\nhello\r\n'],
  ['a space behind a size', '5 \r\nhello\r\n0\r\n\r\n'],
  ['a bare LF behind a size', '5\nhello\r\n0\r\n\r\n'],
  ['no line end behind a chunk', '5\r\nhello0\r\n\r\n'],
  ['bytes behind a chunk', '5\r\nhelloXX\r\n0\r\n\r\n'],
  ['a bare LF at the end', '5\r\nhello\r\n0\r\n\n'],
  ['a bare CR in an extension', '5;a\rb\r\nhello\r\n0\r\n\r\n'],
  ['a bare LF in an extension', '5;a\nhello\r\n0\r\n\r\n'],
  ['an extension without end', `5;${'a'.repeat(40_000)}\r\nhello\r\n0\r\n\r\n`],
  ['a NUL in a trailer', '5\r\nhello\r\n0\r\nX: a\x00b\r\n\r\n'],
  ['a folded trailer', '5\r\nhello\r\n0\r\nX: a\r\n b\r\n\r\n'],
  ['trailers that are too long', `5\r\nhello\r\n0\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`],
];

test.each(BROKEN_BODIES)('chunks with %s cut the response off', async (_what, body) => {
  const rules = [{ when: { path: '/bad' }, steps: [execute(), send(with200(CHUNKED)), send(body)] }];
  const origin = await startOrigin({ rules });
  const backend = startBackend(origin, { maxConnections: 1 });
  const port = await serve(backend.handler());
  const raw = await client(port);
  raw.write('GET /bad HTTP/1.1\r\nHost: a\r\n\r\n');
  await raw.ended();
  const seen = raw.received.toString('latin1');
  expect(seen).not.toMatch(/\r\n0\r\n/);
  expect(seen).toMatch(/^(HTTP\/1\.1 (200|502) |$)/);
  expect((await (await client(port)).get('/after')).status).toBe(200);
  expect([origin.executions('/bad'), origin.connectionsAccepted]).toEqual([1, 2]);
  checkAtRest(backend, 1);
});
