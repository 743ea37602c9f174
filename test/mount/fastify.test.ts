import { connect as connectHttp2 } from 'node:http2';
import { Readable } from 'node:stream';
import cors from '@fastify/cors';
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify';
import { fastifyPooledBackend } from 'pooled-backend/fastify';
import { answer, close, execute, inform } from 'pooled-backend/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { client, startBackend, startOrigin } from './setting.js';

/** A server that is closed with the test. */
function fastifyServer(options: FastifyServerOptions = {}): FastifyInstance {
  const fastify = Fastify(options);
  onTestFinished(() => fastify.close());
  return fastify;
}

async function portOf(fastify: FastifyInstance): Promise<number> {
  return Number(new URL(await fastify.listen({ port: 0, host: '127.0.0.1' })).port);
}

describe('under a prefix', () => {
  test.each([
    [undefined, '/api/a?b=c', '/a?b=c'],
    [undefined, '/api', '/'],
    [undefined, '/api?x', '/?x'],
    [undefined, '/api/', '/'],
    [undefined, '/%61pi/a', '/a'],
    ['/v2', '/api/a', '/v2/a'],
    ['/v2/', '/api/a', '/v2/a'],
    ['/v2', '/api?x', '/v2?x'],
    ['/', '/api/a', '/a'],
  ])('and rewritePrefix %s, %s is sent as %s', async (rewritePrefix, path, sent) => {
    const origin = await startOrigin();
    const fastify = fastifyServer();
    fastify.register(fastifyPooledBackend, { backend: startBackend(origin), prefix: '/api', rewritePrefix });
    const raw = await client(await portOf(fastify));
    expect((await raw.get(path)).status).toBe(200);
    expect(origin.requests[0]?.path).toBe(sent);
  });

  test.each<[FastifyServerOptions, string, string, string]>([
    [{ routerOptions: { ignoreDuplicateSlashes: true } }, '/api', '//api/a', '/a'],
    [{ routerOptions: { ignoreDuplicateSlashes: true } }, '/api/v1', '///api//v1//a?b', '//a?b'],
    [{ routerOptions: { ignoreDuplicateSlashes: true } }, '/:tenant', '//a//b', '//b'],
    [{ routerOptions: { ignoreDuplicateSlashes: true } }, '/api//v1/', '/api/v1/a', '/a'],
    [{ ignoreDuplicateSlashes: true }, '/api', '//api', '/'],
    [{}, '/api', '/api//a', '//a'],
    [{}, '/:tenant', '//a/b', '/a/b'],
    [{}, '/api//v1', '/api//v1/a', '/a'],
    [{ useSemicolonDelimiter: true }, '/api', '/api;x=1', '/;x=1'],
    [{ useSemicolonDelimiter: true }, '/api', '/api/a;x=1', '/a;x=1'],
    [{}, '/:tenant', '/a;x=1', '/'],
  ])('what the router takes for the prefix is stripped: %j %s %s', async (options, prefix, path, sent) => {
    const origin = await startOrigin();
    const fastify = fastifyServer(options);
    fastify.register(fastifyPooledBackend, { backend: startBackend(origin), prefix });
    const raw = await client(await portOf(fastify));
    expect((await raw.get(path)).status).toBe(200);
    expect(origin.requests[0]?.path).toBe(sent);
  });

  test('a path that a plugin has decoded, as @fastify/express does, is sent as it came', async () => {
    const origin = await startOrigin();
    const fastify = fastifyServer();
    fastify.addHook('onRequest', async ({ raw }) => {
      Object.assign(raw, { originalUrl: raw.url, url: decodeURI(raw.url ?? '') });
    });
    fastify.register(fastifyPooledBackend, { prefix: '/api', backend: startBackend(origin) });
    const raw = await client(await portOf(fastify));
    const paths = ['/%252e%252e/a', '/a%20b?c=%20', '/%C3%BC'];
    for (const path of paths) expect((await raw.get(`/api${path}`)).status).toBe(200);
    expect(origin.requests.map((request) => request.path)).toEqual(paths);
  });

  test('a Location begins with one slash, whatever the path began with', async () => {
    const script = () => [execute(), answer({ status: 302, fields: { Location: '/b' } })];
    const origin = await startOrigin({ script });
    const fastify = fastifyServer({ routerOptions: { ignoreDuplicateSlashes: true } });
    const mount = { backend: startBackend(origin), prefix: '/:tenant', rewriteLocation: true };
    fastify.register(fastifyPooledBackend, mount);
    const raw = await client(await portOf(fastify));
    expect((await raw.get('//elsewhere.test/a')).headers.location).toBe('/elsewhere.test/b');
  });

  test('a path that climbs out of it is 400', async () => {
    const origin = await startOrigin();
    const fastify = fastifyServer();
    fastify.register(fastifyPooledBackend, { backend: startBackend(origin), prefix: '/api', rewritePrefix: '/public' });
    const raw = await client(await portOf(fastify));
    expect((await raw.get('/api/%2e%2e/private')).status).toBe(400);
    expect(origin.requests).toEqual([]);
  });

  test('at the root it may have a route for the root beside it, before it or behind it', async () => {
    const origin = await startOrigin({ script: () => [execute(), answer({ body: 'origin' })] });
    for (const first of [true, false]) {
      const fastify = fastifyServer();
      if (first) fastify.get('/', async () => 'own');
      fastify.register(fastifyPooledBackend, { backend: startBackend(origin) });
      if (!first) fastify.get('/', async () => 'own');
      const answers = await Promise.all([
        fastify.inject('/'),
        fastify.inject('/a'),
        fastify.inject({ method: 'PUT', url: '/' }),
      ]);
      expect(answers.map(({ payload }) => payload)).toEqual(['own', 'origin', 'origin']);
    }
    expect(origin.requests.map(({ path }) => path).sort()).toEqual(['/', '/', '/a', '/a']);
  });

  test('routes and parsers beside it are as they were', async () => {
    const fastify = fastifyServer();
    fastify.register(fastifyPooledBackend, { backend: startBackend(await startOrigin()), prefix: '/api' });
    fastify.post('/own', async (request) => request.body);
    const response = await fastify.inject({ method: 'POST', url: '/own', payload: { a: 1 } });
    expect(response.json()).toEqual({ a: 1 });
  });
});

describe('a request', () => {
  test('of any method is relayed, with its body', async () => {
    const origin = await startOrigin();
    const fastify = fastifyServer();
    fastify.register(fastifyPooledBackend, { backend: startBackend(origin) });
    const port = await portOf(fastify);
    for (const method of ['POST', 'GET', 'DELETE', 'PROPFIND', 'QUERY', 'M-SEARCH']) {
      const raw = await client(port);
      raw.write(`${method} / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{!`);
      expect([method, (await raw.readResponse()).status]).toEqual([method, 200]);
      const last = origin.requests.at(-1);
      expect([last?.method, Buffer.from(last?.body ?? []).toString()]).toEqual([method, '{!']);
    }
  });

  test.each([
    ['POST', 'json'],
    ['POST', ''],
    ['PUT', 'text/plain, text/html'],
    ['POST', 'application/octet-stream'],
    ['POST', undefined],
    ['QUERY', undefined],
  ])('is relayed whatever its type is: %s of %j', async (method, type) => {
    const origin = await startOrigin();
    const fastify = fastifyServer();
    const seen: unknown[] = [];
    fastify.addHook('preHandler', async ({ headers }) => void seen.push(headers['content-type'], headers['x-a']));
    fastify.register(fastifyPooledBackend, { backend: startBackend(origin) });
    const raw = await client(await portOf(fastify));
    const field = type === undefined ? '' : `Content-Type: ${type}\r\n`;
    raw.write(`${method} / HTTP/1.1\r\nHost: a\r\nX-A: 1\r\n${field}Content-Length: 2\r\n\r\nhi`);
    expect((await raw.readResponse()).status).toBe(200);
    const [request] = origin.requests;
    expect([request?.headers['content-type'], request?.body.toString(), ...seen]).toEqual([type, 'hi', type, '1']);
  });

  test('streams: the origin gets it before it is whole', async () => {
    const origin = await startOrigin();
    const fastify = fastifyServer();
    fastify.register(fastifyPooledBackend, { backend: startBackend(origin), requestBufferBytes: false });
    const raw = await client(await portOf(fastify));
    raw.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n');
    await origin.until(() => origin.requests[0]?.body.length === 2);
    raw.write('0\r\n\r\n');
    expect((await raw.readResponse()).status).toBe(200);
  });

  test('under inject() is answered', async () => {
    const script = () => [
      inform(103),
      execute(),
      answer({
        framing: 'chunked',
        body: ['he', 'llo'],
        fields: { 'Set-Cookie': ['a=1', 'b=2'] },
        trailers: { 'X-Sum': '1' },
      }),
    ];
    const origin = await startOrigin({ script });
    const fastify = fastifyServer();
    fastify.register(fastifyPooledBackend, { backend: startBackend(origin) });
    const response = await fastify.inject({ method: 'POST', url: '/a', payload: { b: 1 } });
    expect([response.statusCode, response.payload, response.headers['set-cookie']]).toEqual([
      200,
      'hello',
      ['a=1', 'b=2'],
    ]);
    expect(response.trailers).toEqual({ 'x-sum': '1' });
    expect(Buffer.from(origin.requests[0]?.body ?? []).toString()).toBe('{"b":1}');
  });

  test('that is a stream under inject() is sent, though no field tells of it', async () => {
    const origin = await startOrigin();
    const fastify = fastifyServer();
    fastify.register(fastifyPooledBackend, { backend: startBackend(origin) });
    const payload = Readable.from(['hel', 'lo']);
    const { statusCode } = await fastify.inject({ method: 'POST', url: '/a', payload });
    expect([statusCode, String(origin.requests[0]?.body)]).toEqual([200, 'hello']);
  });

  test.each([2, 9])(
    'under inject() is refused when it has not the length of %d bytes that it declares',
    async (length) => {
      const origin = await startOrigin();
      const fastify = fastifyServer();
      fastify.register(fastifyPooledBackend, { backend: startBackend(origin) });
      const headers = { 'content-length': String(length), 'content-type': 'text/plain' };
      const response = await fastify.inject({ method: 'POST', url: '/a', headers, payload: 'hello' });
      expect([response.statusCode, origin.requests]).toEqual([400, []]);
    },
  );
});

describe('a response', () => {
  test('has what hooks and @fastify/cors set, merged with what the origin says', async () => {
    const fields = { Vary: 'Accept', 'X-Mine': 'origin', 'Set-Cookie': 'a=1' };
    const origin = await startOrigin({ script: () => [execute(), answer({ fields, body: 'ok' })] });
    const fastify = fastifyServer();
    await fastify.register(cors, { origin: ['http://shop.test', 'http://b.test'] });
    fastify.addHook('onRequest', async (_request, reply) => {
      reply.header('X-Mine', 'hook').header('X-Hook', '1').header('Set-Cookie', 'h=1');
    });
    fastify.register(fastifyPooledBackend, { backend: startBackend(origin) });
    const raw = await client(await portOf(fastify));
    const response = await raw.get('/', { Origin: 'http://shop.test' });
    expect(response.headers).toMatchObject({
      'access-control-allow-origin': 'http://shop.test',
      'x-mine': 'origin',
      'x-hook': '1',
      'set-cookie': 'h=1, a=1',
      vary: 'Origin, Accept',
    });
  });

  test("is the origin's: onSend hooks do not see it, onResponse hooks see its end", async () => {
    const origin = await startOrigin();
    const fastify = fastifyServer();
    const seen: string[] = [];
    fastify.addHook('onSend', async () => void seen.push('onSend'));
    const over = new Promise<void>((resolve) => {
      fastify.addHook('onResponse', async () => resolve(void seen.push('onResponse')));
    });
    fastify.register(fastifyPooledBackend, { backend: startBackend(origin) });
    const raw = await client(await portOf(fastify));
    await raw.get('/');
    await over;
    expect(seen).toEqual(['onResponse']);
  });

  test('goes over HTTP/2, cookies one by one, trailers included', async () => {
    const script = () => [
      execute(),
      answer({
        framing: 'chunked',
        body: ['he', 'llo'],
        fields: { 'Set-Cookie': ['a=1', 'b=2'] },
        trailers: { 'X-Sum': '1' },
      }),
    ];
    const origin = await startOrigin({ script });
    const fastify = Fastify({ http2: true });
    onTestFinished(() => fastify.close());
    fastify.register(fastifyPooledBackend, { backend: startBackend(origin), prefix: '/api' });
    const url = await fastify.listen({ port: 0, host: '127.0.0.1' });
    const session = connectHttp2(url);
    onTestFinished(() => session.destroy());
    const stream = session.request({ ':method': 'POST', ':path': '/api/a', cookie: 'x=1' });
    stream.end('body');
    const [headers, trailers, body] = await new Promise<[Record<string, unknown>, Record<string, unknown>, string]>(
      (resolve, reject) => {
        let [head, tail, text]: [Record<string, unknown>, Record<string, unknown>, string] = [{}, {}, ''];
        stream.on('response', (fields) => (head = fields)).on('trailers', (fields) => (tail = fields));
        stream
          .on('data', (piece) => (text += piece))
          .on('end', () => resolve([head, tail, text]))
          .on('error', reject);
      },
    );
    expect([headers[':status'], headers['set-cookie'], trailers['x-sum'], body]).toEqual([
      200,
      ['a=1', 'b=2'],
      '1',
      'hello',
    ]);
    expect(origin.requests[0]).toMatchObject({
      path: '/a',
      headers: { host: new URL(url).host, via: '2.0 pooled-backend', cookie: 'x=1' },
    });
    expect(Buffer.from(origin.requests[0]?.body ?? []).toString()).toBe('body');
  });

  test('that is cut off resets its HTTP/2 stream', async () => {
    const origin = await startOrigin({
      script: () => [execute(), answer({ framing: 'chunked', body: 'hello world', cutBodyAt: 8 }), close()],
    });
    const fastify = Fastify({ http2: true });
    onTestFinished(() => fastify.close());
    fastify.register(fastifyPooledBackend, { backend: startBackend(origin) });
    const session = connectHttp2(await fastify.listen({ port: 0, host: '127.0.0.1' }));
    onTestFinished(() => session.destroy());
    const stream = session.request({ ':path': '/' });
    const code = await new Promise((resolve) =>
      stream
        .on('error', () => undefined)
        .on('close', () => resolve(stream.rstCode))
        .resume(),
    );
    expect(code).toBe(2);
  });
});

describe('a failure', () => {
  test('is logged as a warning and answered without its message', async () => {
    const lines: { level: number; err?: { code?: string } }[] = [];
    const origin = await startOrigin({ script: () => [execute(), close()] });
    const fastify = fastifyServer({
      logger: { level: 'warn', stream: { write: (line) => void lines.push(JSON.parse(line)) } },
    });
    fastify.register(fastifyPooledBackend, { backend: startBackend(origin) });
    const response = await fastify.inject({ method: 'POST', url: '/' });
    expect([response.statusCode, response.payload]).toEqual([502, 'connection_terminated\n']);
    expect(response.headers['proxy-status']).toBe('pooled-backend; error=connection_terminated');
    expect(lines.map(({ level, err }) => [level, err?.code])).toEqual([[40, 'connection_terminated']]);
  });
});

describe('the backend', () => {
  test('that the plugin made is closed with the server', async () => {
    const origin = await startOrigin();
    const fastify = Fastify();
    fastify.register(fastifyPooledBackend, {
      origins: [origin.url],
      prefix: '/api',
      maxConnections: 3,
      host: 'origin',
    });
    expect((await fastify.inject('/api/a')).statusCode).toBe(200);
    expect(origin.requests[0]?.headers.host).toBe(new URL(origin.url).host);
    await fastify.close();
    await origin.until(() => origin.openConnections === 0);
  });

  test('that was given is not', async () => {
    const backend = startBackend(await startOrigin());
    const fastify = Fastify();
    fastify.register(fastifyPooledBackend, { backend });
    await fastify.ready();
    await fastify.close();
    expect((await backend.request({ path: '/' })).statusCode).toBe(200);
  });

  test('with an option that nobody knows does not start', async () => {
    const fastify = fastifyServer();
    const options = { backend: startBackend(await startOrigin()), nonsense: 1 };
    fastify.register(fastifyPooledBackend, options);
    await expect(fastify.ready()).rejects.toThrow('nonsense');
  });

  test('a backend that is none ends the start, and says how to pass one', async () => {
    const fastify = fastifyServer();
    const backend = 'http://127.0.0.1:9' as never;
    fastify.register(fastifyPooledBackend, { backend, prefix: '/api' });
    await expect(fastify.ready()).rejects.toThrow('backend must be a PooledBackend');
  });

  test('a rewritePrefix that is none ends the start, not each request', async () => {
    const fastify = fastifyServer();
    const rewritePrefix = 5 as unknown as string;
    fastify.register(fastifyPooledBackend, { origins: ['http://127.0.0.1:9'], prefix: '/api', rewritePrefix });
    await expect(fastify.ready()).rejects.toThrow('rewritePrefix must be a string, got 5');
  });
});
