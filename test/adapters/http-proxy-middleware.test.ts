/** What `createProxyMiddleware()` carries beyond the page for its users, and what it refuses. */

import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import {
  createProxyMiddleware,
  type ProxyMiddlewareOptions,
  type ProxyRequest,
} from 'pooled-backend/http-proxy-middleware';
import { answer, execute } from 'pooled-backend/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { client, listen, serve, startOrigin } from '../mount/setting.js';

const TARGET = 'http://127.0.0.1:9001';

type Given = Partial<Record<string, unknown>>;
type Call = (...given: unknown[]) => void;

/** Made and closed with the test. */
function made(options: Given) {
  const middleware = createProxyMiddleware(options as unknown as ProxyMiddlewareOptions);
  onTestFinished(() => middleware.close());
  return middleware;
}

describe('refusals', () => {
  test.each<[string, Given, RegExp]>([
    ['no target', {}, /target must be a URL/],
    ['agent', { agent: {} }, /agent is not supported: .*maxConnections/],
    ['followRedirects', { followRedirects: true }, /followRedirects is not supported: .*fetch/],
    ['selfHandleResponse', { selfHandleResponse: true }, /not supported: .*request\(\)/],
    ['plugins', { plugins: [] }, /not supported: use on/],
    ['a name of version 2', { onProxyReq: () => undefined }, /use on: \{ proxyReq \}/],
    ['an unknown name', { tarjet: TARGET }, /tarjet is not supported: known: target/],
    ['an event that is not supported', { on: { open: () => undefined } }, /on\.open is not supported/],
    ['an event that is no function', { on: { error: true } }, /on\.error must be a function/],
    ['a router that is a function', { router: () => TARGET }, /router must be a table/],
    ['a wildcard', { pathFilter: '/api/**' }, /must not contain wildcards/],
    ['a filter of another kind', { pathFilter: 7 }, /pathFilter must be/],
    ['a rewrite that is no string', { pathRewrite: { '^/a': 7 } }, /pathRewrite\[\^\/a\] must be a string/],
    ['a value of another kind', { changeOrigin: 'yes' }, /changeOrigin must be of type boolean, got string/],
    ['a field without a value', { headers: { 'X-Key': undefined } }, /headers\.X-Key must be .*, got undefined/],
    ['null', { headers: null }, /headers must be of type object, got null/],
    ['a time below 0', { timeout: -1 }, /timeout must be at least 0/],
    ['an unknown protocol', { protocolRewrite: 'ftp' }, /protocolRewrite must be/],
    ['a target that is no URL', { target: 'nowhere' }, /target must be a URL/],
    ['a target of another scheme', { target: 'ftp://a' }, /scheme http or https/],
    ['a target with a user', { target: 'http://ada@a' }, /use auth/],
    ['a target with a query', { target: 'http://a/?b' }, /use pathRewrite/],
    ['a host with a path', { target: { host: 'a.test/b', port: 81 } }, /target\.host must be a host name/],
    ['a part of a target that is not known', { target: { hosst: 'a' } }, /target\.hosst is not supported/],
  ])('%s', (_what, options, message) => {
    const given =
      options.target === undefined && Object.keys(options).length > 0 ? { target: TARGET, ...options } : options;
    expect(() => made(given)).toThrow(message);
  });

  test.each<[string, unknown, string]>([
    ['a path', '/api', "an option now, { pathFilter: '/api', target: "],
    ['paths', ['/api', '/files'], "an option now, { pathFilter: [ '/api', '/files' ], target: "],
    ['a function', () => true, 'an option now, { pathFilter: (pathname, req) => boolean, target: '],
    ['a URL alone', 'http://a.test/api', "the options must be an object: { target: 'http://a.test/api' }"],
    ['nothing', undefined, 'the options must be an object, got undefined'],
  ])('the arguments of version 2: %s', (_what, given, message) => {
    const create: (...given: unknown[]) => unknown = createProxyMiddleware as Call;
    expect(() => create(given, { target: TARGET })).toThrow(message);
  });

  test('options of the backend are checked as those of a backend', () => {
    expect(() => made({ target: TARGET, backend: { maxConnections: 0 } })).toThrow(/maxConnections/);
  });
});

/** The head of the request as the origin has read it, and the response. */
async function through(options: Given, path = '/a', fields: Record<string, string> = {}) {
  const origin = await startOrigin({ rules: [{ steps: [execute(), answer({ fields: { 'X-A': '1', 'X-B': '2' } })] }] });
  const port = await serve(made({ target: origin.url, ...options }));
  const response = await (await client(port)).get(path, { Host: 'shop.test', ...fields });
  const request = origin.requests[0];
  return { response, request, port, origin };
}

describe('what is carried', () => {
  test('what is off there as it is here', () => {
    const off = { followRedirects: false, selfHandleResponse: false, toProxy: false, on: { open: undefined } };
    expect(() => createProxyMiddleware({ target: TARGET, ...off } as ProxyMiddlewareOptions)).not.toThrow();
  });

  test.each<[string, Given, string, string]>([
    ['the first expression that fits', { pathRewrite: { '^/b': '/x', a: 'c', '^/a': '/d' } }, '/a?a', '/c?a'],
    ['a function', { pathRewrite: async (path: string) => `${path}/b` }, '/a', '/a/b'],
    ['a function that gives nothing', { pathRewrite: () => undefined }, '/a', '/a'],
    ['ignorePath', { ignorePath: true }, '/a?b', '/'],
    ['nothing left', { pathRewrite: { '^/a': '' } }, '/a', '/'],
    ['nothing left but a query', { pathRewrite: { '^/a': '' } }, '/a?b', '/?b'],
    ['no slash left in front', { pathRewrite: { '^/a/': '' } }, '/a/b', '/b'],
    ['a slash too many', { pathRewrite: { '^/a': '/' } }, '/a/b//c', '/b//c'],
  ])('pathRewrite and the like: %s', async (_what, options, path, sent) => {
    expect((await through(options, path)).request?.path).toBe(sent);
  });

  test('a target in parts, with a path', async () => {
    const { request } = await (async () => {
      const origin = await startOrigin({ rules: [{ steps: [execute(), answer()] }] });
      const { port } = new URL(origin.url);
      const target = { protocol: 'http:', hostname: '127.0.0.1', port, path: '/base/' };
      await (await client(await serve(made({ target })))).get('/a');
      return { request: origin.requests[0] };
    })();
    expect(request?.path).toBe('/base/a');
  });

  test.each([
    [{ host: 'a.test:81', hostname: 'a.test', port: 81 }, 'http://a.test:81'],
    [{ host: 'a.test:81', port: '81' }, 'http://a.test:81'],
    [{ host: 'a.test', path: 'base' }, 'http://a.test:80'],
    [{ host: '::1', port: 1 }, 'http://[::1]:1'],
  ])('a target in parts, %j, is one origin', (target, origin) => {
    expect(made({ target }).backends[0]?.options.origins[0]?.origin).toBe(origin);
  });

  test.each([
    ['/a', '/base'],
    ['/a?b', '/base?b'],
    ['/a/b', '/base/b'],
  ])('a target with a path, in front of what is left of %s', async (path, sent) => {
    const origin = await startOrigin({ rules: [{ steps: [execute(), answer()] }] });
    const port = await serve(made({ target: `${origin.url}/base`, pathRewrite: { '^/a/?': '' } }));
    await (await client(port)).get(path);
    expect(origin.requests[0]?.path).toBe(sent);
  });

  test('ignorePath sends the path of the target as it is', async () => {
    const origin = await startOrigin();
    await (await client(await serve(made({ target: `${origin.url}/base/`, ignorePath: true })))).get('/a');
    expect(origin.requests[0]?.path).toBe('/base/');
  });

  test('xfwd names the client, and without it nothing does', async () => {
    const named = (list: readonly string[] = []) => list.some((name) => /^x-forwarded-for$/i.test(name));
    expect(named((await through({ xfwd: true })).request?.rawHeaders)).toBe(true);
    expect(named((await through({})).request?.rawHeaders)).toBe(false);
  });

  test.each([
    ['the client has sent', {}, () => 'shop.test'],
    ['the target is called', { changeOrigin: true }, (url: string) => new URL(url).host],
    ['headers set', { headers: { Host: 'set.test' } }, () => 'set.test'],
    [
      'the target is called, whatever headers set',
      { changeOrigin: true, headers: { Host: 'set.test' } },
      (url: string) => new URL(url).host,
    ],
  ])('proxyReq can read the Host that %s', async (_what, options, expected) => {
    const heard: unknown[] = [];
    const proxyReq = (proxyReq: ProxyRequest) =>
      heard.push(proxyReq.getHeader('Host'), proxyReq.getHeaders().host, proxyReq.getHeaderNames().includes('host'));
    const { request, origin } = await through({ ...options, on: { proxyReq } });
    const host = expected(origin.url);
    expect([...heard, request?.headers.host]).toEqual([host, host, true, host]);
  });

  test('proxyReq can read the Host of a client that speaks HTTP/2', async () => {
    const origin = await startOrigin();
    const heard: unknown[] = [];
    const proxyReq = (proxyReq: ProxyRequest) => heard.push(proxyReq.getHeader('Host'));
    const middleware = made({ target: origin.url, on: { proxyReq } });
    const server = createHttp2Server((req, res) => middleware(req as never, res as never));
    const session = connectHttp2(`http://127.0.0.1:${await listen(server)}`);
    onTestFinished(() => session.destroy());
    const stream = session.request({ ':authority': 'shop.test' }).resume();
    await once(stream, 'end');
    expect([heard, origin.requests[0]?.headers.host]).toEqual([['shop.test'], 'shop.test']);
  });

  test.each([
    ['of the client', {}, 'Bearer 7'],
    ['of headers', { headers: { authorization: 'Bearer 8' } }, 'Bearer 8'],
  ])('auth stands back behind the Authorization %s', async (_what, options, sent) => {
    const { request } = await through({ auth: 'ada:secret', ...options }, '/a', { Authorization: 'Bearer 7' });
    expect(request?.headers.authorization).toBe(sent);
  });

  test('proxyRes sees the status and the fields, and unchanged fields stay as they came', async () => {
    const heard: unknown[] = [];
    const { response } = await through({
      on: {
        proxyRes: (proxyRes: { statusCode: number; headers: Record<string, unknown> }) => {
          heard.push(proxyRes.statusCode, proxyRes.headers['x-a']);
          proxyRes.headers['x-b'] = ['3', '4'];
        },
      },
    });
    expect(heard).toEqual([200, '1']);
    expect([response.headers['x-a'], response.headers['x-b']]).toEqual(['1', '3, 4']);
  });

  test('proxyRes takes a field out by null, and adds one that is empty', async () => {
    const { response } = await through({
      on: {
        proxyRes: (proxyRes: { headers: Record<string, unknown> }) =>
          void Object.assign(proxyRes.headers, { 'x-a': null, 'x-b': '', 'x-new': '' }),
      },
    });
    const { 'x-a': taken, 'x-b': emptied, 'x-new': added } = response.headers;
    expect([taken, emptied, added]).toEqual([undefined, '', '']);
  });

  test.each<[string, string, (head: Record<string, unknown>) => void, string]>([
    ['proxyReq', 'a field without a value', (head) => (head.setHeader as Call)('x-a', undefined), 'got undefined'],
    ['proxyReq', 'a value without a text', (head) => (head.setHeader as Call)('x-a', ['b', null]), 'got null'],
    ['proxyReq', 'a body', (head) => (head.write as () => void)(), 'the body is relayed'],
    ['proxyReq', 'a path', (head) => Object.assign(head, { path: '/b' }), 'use pathRewrite'],
    ['proxyReq', 'a method', (head) => Object.assign(head, { method: 'PUT' }), 'the method cannot be changed'],
    ['proxyRes', 'a status', (head) => Object.assign(head, { statusCode: 201 }), 'the status cannot be changed'],
    ['proxyRes', 'a phrase', (head) => Object.assign(head, { statusMessage: 'Yes' }), 'the status cannot be changed'],
  ])('%s that writes %s is a failure that says why', async (event, _what, write, reason) => {
    const errors: string[] = [];
    await through({
      on: {
        [event]: write,
        error: (error: Error, _req: unknown, res: { end(): void }) => {
          errors.push(String((error.cause as Error).message));
          res.end();
        },
      },
    });
    expect(errors).toEqual([expect.stringContaining(reason)]);
  });

  test.each(['proxyReq', 'proxyRes'])('what an asynchronous %s rejects with fails the request', async (event) => {
    const { response } = await through({ on: { [event]: () => Promise.reject(new Error('mine')) } });
    expect(response.status).toBe(500);
  });

  test('an asynchronous proxyReq is waited for', async () => {
    const proxyReq = async (request: { setHeader(name: string, value: string): void }) => {
      await new Promise(setImmediate);
      request.setHeader('x-late', 'a');
    };
    expect((await through({ on: { proxyReq } })).request?.rawHeaders).toContain('x-late');
  });

  test.each([
    [
      'throws',
      () => {
        throw new Error('mine');
      },
    ],
    ['rejects', () => Promise.reject(new Error('mine'))],
    ['gives a promise', async () => true],
  ])('nothing passes a pathFilter that %s', async (_what, pathFilter) => {
    expect((await through({ pathFilter })).response.status).toBe(404);
  });

  test('without on.error a failure is answered', async () => {
    const refusing = createServer((req) => void req.socket.destroy());
    const port = await serve(made({ target: `http://127.0.0.1:${await listen(refusing)}` }));
    expect((await fetch(`http://127.0.0.1:${port}/`, { method: 'POST' })).status).toBe(502);
  });

  test('without next, a path that is not ours is 404', async () => {
    expect((await through({ pathFilter: '/b' })).response.status).toBe(404);
  });

  test('ws listens on the server of the first request, once', async () => {
    const origin = createServer((_req, res) => res.end('a page'));
    const room = new WebSocketServer({ server: origin });
    onTestFinished(() => void room.close());
    let joined = 0;
    room.on('connection', (socket) => socket.send(String(++joined)));
    const middleware = made({ target: `http://127.0.0.1:${await listen(origin)}`, ws: true });
    const front = createServer(middleware);
    await listen(front);
    front.on('upgrade', middleware.upgrade);
    const { port } = front.address() as AddressInfo;
    for (let i = 0; i < 2; i++) await (await fetch(`http://127.0.0.1:${port}/`)).text();
    const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
    onTestFinished(() => socket.terminate());
    expect(await new Promise((resolve) => socket.once('message', (data) => resolve(String(data))))).toBe('1');
    expect(front.listenerCount('upgrade')).toBe(2);
  });

  test('a logger is asked for the levels that it writes, and of debug there is nothing', async () => {
    const asked = new Set<string>();
    const written: string[] = [];
    const write = (_details: object, name: string) => written.push(name);
    const logger = {
      ...{ info: write, warn: write, error: write },
      isLevelEnabled: (level: string) => asked.add(level) && level !== 'info',
    };
    const { backends } = made({ target: TARGET, logger });
    backends[0]?.origins.drain(TARGET);
    expect([[...asked], written]).toEqual([['info'], []]);
  });

  test('targets that are the same share a backend', () => {
    const other = 'http://127.0.0.1:9002';
    expect(
      made({ target: TARGET, router: { 'a.test': other, '/b': other, 'c.test/d': TARGET } }).backends,
    ).toHaveLength(2);
  });
});
