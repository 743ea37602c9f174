/** Max-Forwards (RFC 9110 §7.6.2): one less with each hop, and an end at zero. */

import { createServer } from 'node:http';
import { expect, test } from 'vitest';
import { client, listen, serve, startBackend, startOrigin } from './setting.js';

const OWN_ANSWER = 'pooled-backend; error=proxy_internal_response'; // RFC 9209 §2.3.29

const ask = (method: string, hops: string, more = '') =>
  `${method} /a HTTP/1.1\r\nHost: a\r\nMax-Forwards: ${hops}\r\n${more}\r\n`;

test.each([
  ['OPTIONS', '10', '9'],
  ['TRACE', '1', '0'],
  ['OPTIONS', '007', '6'],
  ['OPTIONS', '99999999999999999999999', '9007199254740991'],
  ['OPTIONS', 'three', 'three'],
  ['OPTIONS', '-1', '-1'],
  ['GET', '10', '10'],
  ['GET', '0', '0'],
])('of %s with %s the origin gets %s', async (method, hops, sent) => {
  const origin = await startOrigin();
  const raw = await client(await serve(startBackend(origin).handler()));
  raw.write(ask(method, hops));
  expect((await raw.readResponse()).status).toBe(200);
  const fields = origin.requests[0]?.rawHeaders ?? [];
  expect(fields[fields.indexOf('Max-Forwards') + 1]).toBe(sent);
});

test('an OPTIONS that may go no further is answered here, and its connection is kept', async () => {
  const origin = await startOrigin();
  const raw = await client(await serve(startBackend(origin).handler()));
  for (const hops of ['0', '00', '5\r\nMax-Forwards: 0']) {
    raw.write(ask('OPTIONS', hops));
    const { status, headers, body } = await raw.readResponse();
    expect([status, headers['proxy-status'], body.length]).toEqual([200, OWN_ANSWER, 0]);
  }
  expect(origin.requests).toEqual([]);
});

test('a TRACE that may go no further is not supported', async () => {
  const origin = await startOrigin();
  const raw = await client(await serve(startBackend(origin).handler()));
  raw.write(ask('TRACE', '0'));
  expect(await raw.readResponse()).toMatchObject({ status: 501, headers: { 'proxy-status': OWN_ANSWER } });
  expect(origin.requests).toEqual([]);
});

test('an OPTIONS that may go no further is answered here also when it offers to upgrade', async () => {
  const origin = await startOrigin();
  const backend = startBackend(origin);
  const server = createServer(backend.handler());
  server.on('upgrade', backend.upgradeHandler());
  const raw = await client(await listen(server));
  raw.write(ask('OPTIONS', '0', 'Connection: Upgrade\r\nUpgrade: websocket\r\n'));
  expect((await raw.readResponse()).status).toBe(200);
  expect(origin.requests).toEqual([]);
});
