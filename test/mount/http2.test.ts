import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect as connectHttp2,
  constants,
  createServer as createHttp2Server,
  createSecureServer,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import fastify from 'fastify';
import type { PooledBackend } from 'pooled-backend';
import { fastifyPooledBackend } from 'pooled-backend/fastify';
import { answer, close, execute, hold, inform, type Rule, reset, send } from 'pooled-backend/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { authority, cert, key } from '../wire/certificate.js';
import { startBackend, startOrigin } from './setting.js';

function connected(port: number, secure = false): ClientHttp2Session {
  const session = secure
    ? connectHttp2(`https://localhost:${port}`, { ca: authority })
    : connectHttp2(`http://127.0.0.1:${port}`);
  onTestFinished(() => session.destroy());
  return session;
}

/** A session to a server of each kind in front of the backend. */
const FRONTS: Readonly<Record<string, (backend: PooledBackend) => Promise<ClientHttp2Session>>> = {
  http2: async (backend) => {
    const server = createHttp2Server(backend.handler());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    return connected((server.address() as AddressInfo).port);
  },
  'http2 over TLS': async (backend) => {
    const server = createSecureServer({ key, cert }, backend.handler());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    return connected((server.address() as AddressInfo).port, true);
  },
  'Fastify with http2: true': async (backend) => {
    const app = fastify({ http2: true }).register(fastifyPooledBackend, { backend });
    onTestFinished(() => app.close());
    await app.listen({ host: '127.0.0.1', port: 0 });
    return connected((app.server.address() as AddressInfo).port);
  },
};

interface Exchange {
  readonly head: IncomingHttpHeaders;
  readonly others: readonly IncomingHttpHeaders[]; // interim responses, trailers
  readonly body: string;
  readonly code: number; // of RST_STREAM; 0 is none
}

function read(stream: ClientHttp2Stream): Promise<Exchange> {
  return new Promise((resolve) => {
    let head: IncomingHttpHeaders = {};
    const others: IncomingHttpHeaders[] = [];
    let body = '';
    stream.on('headers', (fields) => others.push(fields)).on('trailers', (fields) => others.push(fields));
    stream.on('response', (fields) => {
      head = fields;
    });
    stream.setEncoding('latin1').on('data', (piece: string) => {
      body += piece;
    });
    stream.on('error', () => undefined).on('close', () => resolve({ head, others, body, code: stream.rstCode ?? 0 }));
  });
}

const get = (session: ClientHttp2Session, path: string, fields: OutgoingHttpHeaders = {}): Promise<Exchange> =>
  read(session.request({ ':path': path, ...fields }));

describe.each(Object.keys(FRONTS))('%s', (front) => {
  async function fronted(rules: readonly Rule[] = [], options: Parameters<typeof startBackend>[1] = {}) {
    const origin = await startOrigin({ rules });
    const backend = startBackend(origin, options);
    const session = await FRONTS[front]?.(backend);
    if (session === undefined) throw new Error(`no front ${front}`);
    return { origin, backend, session };
  }

  test('the origin gets the authority as Host, and no pseudo-field', async () => {
    const { origin, session } = await fronted();
    expect(
      (await get(session, '/a?b', { ':authority': 'shop.test', 'x-a': '1', te: 'trailers' })).head[':status'],
    ).toBe(200);
    const [request] = origin.requests;
    expect(request).toMatchObject({ method: 'GET', path: '/a?b', version: '1.1' });
    expect(request?.headers).toMatchObject({
      host: 'shop.test',
      'x-a': '1',
      te: 'trailers',
      'x-forwarded-host': 'shop.test',
    });
    expect(Object.keys(request?.headers ?? {}).filter((name) => name.startsWith(':'))).toEqual([]);
  });

  test('a Host field beside the authority says the same, or the request is refused', async () => {
    const { origin, session } = await fronted();
    expect((await get(session, '/', { ':authority': 'shop.test:80', host: 'Shop.test' })).head[':status']).toBe(200);
    expect((await get(session, '/', { ':authority': 'shop.test', host: 'other.test' })).head[':status']).toBe(400);
    expect(origin.requests.map(({ headers }) => [headers.host, headers['x-forwarded-host']])).toEqual([
      ['shop.test:80', 'shop.test:80'],
    ]);
  });

  test('a host in the path is refused: only the authority names one', async () => {
    const { origin, session } = await fronted();
    const fields = { ':scheme': 'other', ':authority': 'shop.test' };
    expect((await get(session, 'http://other.test/', fields)).head[':status']).toBe(400);
    expect(origin.requests).toEqual([]);
  });

  test('the client gets no field of the connection behind', async () => {
    const fields = {
      Connection: 'X-Hop',
      'X-Hop': '1',
      'Keep-Alive': 'timeout=5',
      'Proxy-Connection': 'x',
      Upgrade: 'h2c',
    };
    const { session } = await fronted([{ steps: [answer({ framing: 'chunked', body: ['he', 'llo'], fields })] }]);
    const { head, body } = await get(session, '/');
    const names = Object.keys(head).filter((name) => name !== 'date');
    expect([names.sort(), body]).toEqual([[':status', 'via'], 'hello']);
  });

  test('a field of which node:http2 takes one value may come twice, in the head, before it and behind the body', async () => {
    const fields = {
      'X-Content-Type-Options': ['nosniff', 'nosniff'],
      'Content-Language': ['de', 'en'],
      Link: ['</a>', '</b>'],
    };
    const trailers = { ETag: ['"1"', '"1"'], 'HTTP2-Settings': 'x', 'X-Sum': ['1', '2'] };
    const { session } = await fronted([
      { steps: [inform(103, fields), answer({ framing: 'chunked', body: 'hello', fields, trailers })] },
    ]);
    const { head, others, body, code } = await get(session, '/');
    const named = { 'x-content-type-options': 'nosniff', 'content-language': 'de, en', link: '</a>, </b>' };
    expect(head).toMatchObject({ ':status': 200, ...named });
    expect(others).toMatchObject([
      { ':status': 103, ...named },
      { etag: '"1"', 'x-sum': '1, 2' },
    ]);
    expect([body, code]).toEqual(['hello', 0]);
  });

  test.each([
    ['a body with a length', answer({ body: 'hello world', cutBodyAt: 5 }), close()],
    ['chunks', answer({ framing: 'chunked', body: ['hello', ' world'], cutBodyAt: 10 }), close()],
    ['a body until close', answer({ framing: 'until-close', body: 'hello' }), reset()],
  ])('%s that is cut resets the stream, and the session lives on', async (_what, cut, end) => {
    const { session } = await fronted(
      [{ when: { path: '/cut' }, steps: [execute(), cut, hold(), end] }, { steps: [answer({ body: 'ok' })] }],
      { bodyTimeout: 100 },
    );
    const { head, code } = await get(session, '/cut');
    expect([head[':status'], code]).toEqual([200, constants.NGHTTP2_INTERNAL_ERROR]);
    expect(await get(session, '/after')).toMatchObject({ body: 'ok', code: 0 });
    expect(session.destroyed).toBe(false);
  });

  test.each([204, 304])('%i has no body', async (status) => {
    const { session } = await fronted([{ steps: [answer({ status, fields: { ETag: '"1"' } })] }]);
    expect(await get(session, '/')).toMatchObject({ head: { ':status': status, etag: '"1"' }, body: '', code: 0 });
  });

  test('HEAD tells the length and has no body', async () => {
    const { session } = await fronted([{ steps: [answer({ body: 'hello' })] }]);
    const { head, body, code } = await get(session, '/', { ':method': 'HEAD' });
    expect([head['content-length'], body, code]).toEqual(['5', '', 0]);
  });

  test('a 205 comes without the body that its origin should not have sent', async () => {
    const { session } = await fronted([{ steps: [answer({ status: 205, body: 'reset' })] }]);
    const { head, body, code } = await get(session, '/');
    expect([head[':status'], head['content-length'], body, code]).toEqual([205, undefined, '', 0]);
  });

  test('a failure is answered, and the session lives on', async () => {
    const { session } = await fronted([{ when: { path: '/bad' }, steps: [execute(), send('hello\r\n\r\n')] }]);
    const { head } = await get(session, '/bad');
    expect([head[':status'], head['proxy-status'], head.connection]).toEqual([
      502,
      'pooled-backend; error=http_protocol_error',
      undefined,
    ]);
    expect((await get(session, '/after')).head[':status']).toBe(200);
  });

  test('an upload that is refused early can read why, and the session lives on', async () => {
    const refusing: Rule = {
      at: 'head',
      when: { path: '/big' },
      steps: [execute(), answer({ status: 413, body: 'no' })],
    };
    const { origin, session } = await fronted([refusing]);
    const stream = session.request({ ':method': 'POST', ':path': '/big', 'content-length': '9000000' });
    stream.write(Buffer.alloc(200_000));
    const seen = new Promise<unknown>((resolve) => stream.on('response', (fields) => resolve(fields[':status'])));
    stream.on('error', () => undefined).resume();
    expect(await seen).toBe(413);
    stream.destroy();
    expect((await get(session, '/after')).head[':status']).toBe(200);
    expect([...origin.executed.keys()]).toEqual(['/big', '/after']);
  });

  test('many streams of one session share the connections', async () => {
    const { origin, session } = await fronted([], { maxConnections: 4 });
    const exchanges = await Promise.all(Array.from({ length: 60 }, (_, number) => get(session, `/${number}`)));
    expect(exchanges.every(({ head }) => Number(head[':status']) === 200)).toBe(true);
    expect(origin.connectionsAccepted).toBeLessThanOrEqual(4);
  });

  test('a body without a length is sent in chunks, a request that ended with its head without any', async () => {
    const { origin, session } = await fronted([], { requestBufferBytes: false });
    const stream = session.request({ ':method': 'POST', ':path': '/' });
    stream.end('hi');
    await read(stream);
    await get(session, '/');
    expect(origin.requests.map(({ headers, body }) => [headers['transfer-encoding'], body.toString()])).toEqual([
      ['chunked', 'hi'],
      [undefined, ''],
    ]);
  });
});
