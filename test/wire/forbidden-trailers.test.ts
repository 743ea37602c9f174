/** Fields that must not be trailers (RFC 9110 §6.5.1), sent as trailers: dropped both ways, and nothing else is lost. */

import { createServer } from 'node:http';
import { answer, execute, send } from 'pooled-backend/testing';
import { expect, test } from 'vitest';
import { client, listen, serve, startBackend, startOrigin } from '../mount/setting.js';

const FORBIDDEN = [
  ...['Content-Length: 5', 'Content-Length: 99999', 'Content-Length: no number', 'Transfer-Encoding: chunked'],
  ...['Transfer-Encoding: gzip', 'Host: other', 'Connection: close', 'Connection: x-sum', 'Keep-Alive: timeout=1'],
  ...['Upgrade: websocket', 'TE: trailers', 'Trailer: X-Sum', 'Expect: 100-continue', 'Max-Forwards: 1'],
  ...['Authorization: x', 'Proxy-Authorization: x', 'Proxy-Authenticate: x', 'WWW-Authenticate: x', 'Cookie: a=1'],
  ...['Set-Cookie: a=1', 'Cache-Control: no-store', 'Pragma: no-cache', 'Range: bytes=0-1', 'If-Match: "a"'],
  ...['If-None-Match: "a"', 'If-Modified-Since: x', 'If-Unmodified-Since: x', 'If-Range: "a"', 'Age: 1', 'Date: x'],
  ...['Expires: x', 'Location: /x', 'Retry-After: 1', 'Vary: *', 'Warning: x', 'Content-Encoding: gzip'],
  ...['Content-Type: a/b', 'Content-Range: bytes 0-1/2', 'X-Forwarded-For: 1.2.3.4', 'Forwarded: for=a', 'Via: 1.1 a'],
  ...['X-Forwarded-Prefix: /x', 'X_Forwarded_For: 1.2.3.4', 'Content_Length: 99999'],
];

const chunked = (trailers: string) => `Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n${trailers}\r\n`;

test.each(FORBIDDEN)('%s behind a response is dropped, the response and the connection are kept', async (field) => {
  for (const trailers of [`${field}\r\nX-Sum: 5\r\n`, `X-Sum: 5\r\n${field}\r\n${field}\r\n`]) {
    const origin = await startOrigin({ script: () => [execute(), send(`HTTP/1.1 200 OK\r\n${chunked(trailers)}`)] });
    const backend = startBackend(origin);
    const raw = await client(await serve(backend.handler()));
    for (let i = 0; i < 2; i++) {
      const response = await raw.get('/');
      expect([response.status, response.body.toString(), response.rawTrailers]).toEqual([200, 'hello', ['X-Sum', '5']]);
    }
    const called = await backend.request({ path: '/' });
    expect([await called.body.text(), { ...called.trailers }]).toEqual(['hello', { 'x-sum': '5' }]);
    expect(origin.connectionsAccepted).toBe(1);
  }
});

// node:http itself refuses these lengths and codings, unless it is told to be lenient.
test.each(FORBIDDEN.filter((field) => !/^(?:Content-Length|Transfer-Encoding)/.test(field)))(
  '%s behind a request is dropped, the request is kept',
  async (field) => {
    const origin = await startOrigin({ script: () => [execute(), answer()] });
    const raw = await client(await serve(startBackend(origin).handler()));
    raw.write(`POST / HTTP/1.1\r\nHost: a\r\n${chunked(`${field}\r\nX-Sum: 5\r\n`)}`);
    expect((await raw.readResponse()).status).toBe(200);
    const [request] = origin.requests;
    expect([Buffer.from(request?.body ?? []).toString(), request?.rawTrailers]).toEqual(['hello', ['X-Sum', '5']]);
  },
);

test.each(['Content-Length: 5', 'Content-Length: 99999', 'Transfer-Encoding: chunked'])(
  '%s behind a request to a lenient server is dropped, or the request is refused whole',
  async (field) => {
    const origin = await startOrigin({ script: () => [execute(), answer()] });
    const server = createServer({ insecureHTTPParser: true }, startBackend(origin).handler());
    const raw = await client(await listen(server));
    raw.write(`POST / HTTP/1.1\r\nHost: a\r\n${chunked(`${field}\r\nX-Sum: 5\r\n`)}`);
    const { status } = await raw.readResponse();
    const sent = origin.requests.filter(({ complete }) => complete);
    expect([200, 400]).toContain(status);
    expect(sent.map(({ rawTrailers }) => rawTrailers)).toEqual(status === 200 ? [['X-Sum', '5']] : []);
  },
);

test('of the trailers that a call gives, those that must not be trailers are dropped', async () => {
  const origin = await startOrigin({ script: () => [execute(), answer()] });
  const given = FORBIDDEN.flatMap((field) => field.split(': '));
  const trailers = [...given, 'X-Sum', '5'];
  const response = await startBackend(origin).request({ method: 'POST', path: '/', body: 'hello', trailers });
  expect([response.statusCode, origin.requests[0]?.rawTrailers]).toEqual([200, ['X-Sum', '5']]);
});
