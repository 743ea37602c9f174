import { createServer as createHttp1Server } from 'node:http';
import { connect as connectHttp2, createServer as createHttp2Server, type IncomingHttpHeaders } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import express from 'express';
import fastify from 'fastify';
import type { PooledBackend } from 'pooled-backend';
import { fastifyPooledBackend } from 'pooled-backend/fastify';
import { answer, execute, hold, inform, type Step, send } from 'pooled-backend/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { client, listen, serve, startBackend, startOrigin } from './setting.js';

/** The port of a server in which the backend is mounted at its root. */
const MOUNTS: Readonly<Record<string, (backend: PooledBackend) => Promise<number>>> = {
  'node:http': (backend) => serve(backend.handler()),
  Express: (backend) => serve(express().use(backend.handler())),
  'Express behind a middleware that sets a field': (backend) =>
    serve(express().use((_req, res, next) => void next(res.setHeader('X-Mine', '1') && undefined), backend.handler())),
  Fastify: async (backend) => {
    const app = fastify().register(fastifyPooledBackend, { backend });
    onTestFinished(() => app.close());
    await app.listen({ host: '127.0.0.1', port: 0 });
    return (app.server.address() as AddressInfo).port;
  },
};

const chunked: Step = answer({ framing: 'chunked', body: ['he', 'llo'], trailers: { 'X-Sum': ['5', '6'] } });

async function mounted(mount: string, ...steps: readonly Step[]) {
  const origin = await startOrigin({ rules: [{ steps: [execute(), ...steps] }] });
  const port = (await MOUNTS[mount]?.(startBackend(origin))) ?? 0;
  return { origin, raw: await client(port) };
}

describe.each(Object.keys(MOUNTS))('in %s', (mount) => {
  test('every interim response is forwarded as it comes, in order, with its fields', async () => {
    const hints = [
      inform(102),
      inform(103, { Link: ['</a>', '</b>'], Connection: 'x-hop', 'X-Hop': '1', 'Content-Length': '5' }),
    ];
    const { origin, raw } = await mounted(
      mount,
      ...hints,
      inform(199, { 'X-New': '1' }),
      hold(),
      answer({ body: 'ok' }),
    );
    raw.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    const seen = [await raw.readResponse(), await raw.readResponse(), await raw.readResponse()];
    expect(seen.map(({ status, rawHeaders }) => [status, rawHeaders])).toEqual([
      [102, []],
      [103, ['Link', '</a>', 'Link', '</b>']],
      [199, ['X-New', '1']],
    ]);
    await origin.release();
    expect((await raw.readResponse()).body.toString()).toBe('ok');
    expect((await raw.get('/')).status).toBe(102);
  });

  test('HTTP/1.0 clients get the final response alone', async () => {
    const { raw } = await mounted(mount, inform(100), inform(103), answer({ body: 'ok' }));
    raw.write('GET / HTTP/1.0\r\n\r\n');
    expect(await raw.readResponse()).toMatchObject({ status: 200 });
  });

  test('a hundred interim responses are enough', async () => {
    const { raw } = await mounted(mount, send('HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(101)), answer());
    raw.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    let status = 103;
    let interim = 0;
    for (; status === 103; interim += 1) ({ status } = await raw.readResponse());
    expect([status, interim - 1]).toEqual([502, 100]);
  });

  test('trailers are forwarded, announced or not, without those that must not be trailers', async () => {
    const forbidden = { 'Content-Type': 'a/b', 'Set-Cookie': 'a=1', Connection: 'x', 'X-Sum': ['5', '6'] };
    const { raw } = await mounted(
      mount,
      answer({ framing: 'chunked', body: ['hello'], fields: { Trailer: 'X-Sum' }, trailers: forbidden }),
    );
    const response = await raw.get('/');
    expect([response.body.toString(), response.headers.trailer]).toEqual(['hello', 'X-Sum']);
    expect(response.rawTrailers).toEqual(['X-Sum', '5', 'X-Sum', '6']);
    expect((await raw.get('/')).rawTrailers).toHaveLength(4);
  });

  test('HTTP/1.0 clients get the body, and neither trailers nor their announcement', async () => {
    const fields = { Trailer: 'X-Sum' };
    const { raw } = await mounted(
      mount,
      answer({ framing: 'chunked', body: ['hello'], fields, trailers: { 'X-Sum': '5' } }),
    );
    raw.write('GET / HTTP/1.0\r\n\r\n');
    const response = await raw.readResponse();
    expect([response.body.toString(), response.headers.trailer]).toEqual(['hello', undefined]);
  });

  test.each([
    ['announced', 'Trailer: X-Sum\r\n', 'X-Sum'],
    ['not announced', '', undefined],
  ])('trailers of a request are forwarded, %s, streamed or not', async (_how, announcement, announced) => {
    const { origin, raw } = await mounted(mount, answer());
    for (const body of ['hello', 'h'.repeat(100_000)]) {
      raw.write(`POST / HTTP/1.1\r\nHost: a\r\n${announcement}Transfer-Encoding: chunked\r\n\r\n`);
      raw.write(`${body.length.toString(16)}\r\n${body}\r\n0\r\nX-Sum: 5\r\nContent-Type: a/b\r\nHost: b\r\n\r\n`);
      expect((await raw.readResponse()).status).toBe(200);
      const request = origin.requests.at(-1);
      expect([request?.body.length, request?.rawTrailers]).toEqual([body.length, ['X-Sum', '5']]);
      expect([request?.headers.trailer, request?.headers['transfer-encoding']]).toEqual([announced, 'chunked']);
    }
  });

  test('an announcement of trailers that do not come says nothing of a body with a length', async () => {
    const { origin, raw } = await mounted(mount, answer());
    raw.write('POST / HTTP/1.1\r\nHost: a\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n');
    expect((await raw.readResponse()).status).toBe(200);
    expect(origin.requests[0]?.headers).toMatchObject({ 'content-length': '2' });
    expect(origin.requests[0]?.headers).not.toHaveProperty('trailer');
  });

  test('trailers of a request are bounded', async () => {
    const { origin, raw } = await mounted(mount, answer());
    raw.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n');
    raw.write(`X-Sum: ${'5'.repeat(200_000)}\r\n\r\n`);
    const status = await raw.readResponse().then(
      (response) => response.status,
      () => 0,
    );
    expect([0, 400, 431, 502]).toContain(status);
    expect(origin.executed.size).toBe(0);
  });
});

describe('over HTTP/2', () => {
  async function exchange(steps: readonly Step[], fields: Record<string, string> = {}) {
    const origin = await startOrigin({ rules: [{ steps: [execute(), ...steps] }] });
    const server = createHttp2Server(startBackend(origin).handler());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const session = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    onTestFinished(() => session.destroy());
    const stream = session.request({ ':path': '/', ...fields }, { endStream: false, waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '5' }));
    stream.end('hi');
    const seen: IncomingHttpHeaders[] = [];
    stream.on('headers', (one) => seen.push(one)).on('response', (one) => seen.push(one));
    await new Promise((resolve) =>
      stream
        .on('trailers', (one) => seen.push(one))
        .on('close', resolve)
        .resume(),
    );
    return { seen, origin };
  }

  test('interim responses and trailers go both ways', async () => {
    const hints = [inform(103, { Link: '</a>', Connection: 'keep-alive' }), inform(102)];
    const { seen, origin } = await exchange([...hints, chunked], { ':method': 'POST' });
    expect(seen).toMatchObject([
      { ':status': 103, link: '</a>' },
      { ':status': 102 },
      { ':status': 200 },
      { 'x-sum': '5, 6' },
    ]);
    expect([origin.requests[0]?.body.toString(), origin.requests[0]?.rawTrailers]).toEqual(['hi', ['x-sum', '5']]);
  });
});

describe('backend.request()', () => {
  test('tells each interim response, and the trailers that may be trailers', async () => {
    const origin = await startOrigin({
      rules: [
        {
          steps: [
            ...[execute(), inform(100), inform(103, { Link: '</a>' }), inform(142)],
            answer({ framing: 'chunked', body: ['hello'], trailers: { 'X-Sum': ['5', '6'], Host: 'b' } }),
          ],
        },
      ],
    });
    const told: number[] = [];
    const onInformation = ({ statusCode }: { readonly statusCode: number }) => void told.push(statusCode);
    const { body, trailers } = await startBackend(origin).request({ path: '/', onInformation });
    expect([await body.text(), told, { ...trailers }]).toEqual(['hello', [100, 103, 142], { 'x-sum': '5, 6' }]);
  });

  test.each([
    ['bytes', () => 'hello'],
    ['a stream', () => Readable.from(['hel', 'lo'])],
    ['nothing', () => undefined],
  ])('sends trailers behind %s', async (_what, body) => {
    const origin = await startOrigin();
    const backend = startBackend(origin);
    const sum = () => ({ 'X-Sum': 5, 'Content-Length': 9 });
    for (const trailers of [sum(), sum])
      await (
        await backend.request({ method: 'POST', path: '/', body: body(), headers: { Trailer: 'X-Sum' }, trailers })
      ).body.text();
    for (const request of origin.requests) {
      expect(request.headers).toMatchObject({ 'transfer-encoding': 'chunked', trailer: 'X-Sum' });
      expect([request.body.toString(), request.rawTrailers]).toEqual([
        body() === undefined ? '' : 'hello',
        ['X-Sum', '5'],
      ]);
    }
  });

  test.each([
    ['a stream', () => Readable.from(['hel', 'lo'])],
    ['bytes', () => 'hello'],
  ])('fails when the trailers of %s cannot be made', async (_what, body) => {
    const origin = await startOrigin();
    const trailers = () => {
      throw new Error('mine');
    };
    await expect(
      startBackend(origin).request({ method: 'POST', path: '/', body: body(), trailers }),
    ).rejects.toMatchObject({
      code: 'proxy_internal_error',
    });
    expect(origin.executed.size).toBe(0);
  });
});

test('a server that is told to join duplicate fields still gets the trailers', async () => {
  const origin = await startOrigin();
  const raw = await client(
    await listen(createHttp1Server({ joinDuplicateHeaders: true }, startBackend(origin).handler())),
  );
  raw.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-A: 1\r\nX-A: 2\r\n\r\n');
  expect((await raw.readResponse()).status).toBe(200);
  expect(origin.requests[0]?.rawTrailers).toEqual(['X-A', '1', 'X-A', '2']);
});
