import type { AddressInfo } from 'node:net';
import express from 'express';
import fastify from 'fastify';
import type { HandlerOptions } from 'pooled-backend';
import { fastifyPooledBackend } from 'pooled-backend/fastify';
import { type AnswerFields, answer, execute, type ScriptedOrigin } from 'pooled-backend/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { authority, cert, key } from '../wire/certificate.js';
import { client, serve, startBackend, startOrigin } from './setting.js';

const originOf = (fields: AnswerFields): Promise<ScriptedOrigin> =>
  startOrigin({ rules: [{ steps: [execute(), answer({ status: 302, fields })] }] });

/** The Location that the client of shop.test sees. */
async function location(sent: (origin: ScriptedOrigin) => string, options: HandlerOptions, mountAt?: string) {
  const fields: Record<string, string> = {};
  const origin = await originOf(fields);
  fields.Location = sent(origin);
  const handler = startBackend(origin).handler(options);
  const port = await serve(mountAt === undefined ? handler : express().use(mountAt, handler));
  return (await (await client(port)).get(`${mountAt ?? ''}/x`, { Host: 'shop.test' })).headers.location;
}

describe('rewriteLocation: true', () => {
  test.each<[what: string, sent: (origin: ScriptedOrigin) => string, seen: string]>([
    ['a URL of the origin', ({ url }) => `${url}/a?b#c`, 'http://shop.test/a?b#c'],
    ['a URL without a scheme', ({ url }) => `${url.replace('http:', '')}/a`, 'http://shop.test/a'],
    ['a URL without a path', ({ url }) => url, 'http://shop.test'],
    ['a URL of the host that was sent', () => 'http://SHOP.test:80/a', 'http://shop.test/a'],
    ['a URL that sends clients to TLS', () => 'https://SHOP.test:443/a', 'https://shop.test/a'],
    ['a URL of others', () => 'https://login.test/a', 'https://login.test/a'],
    ['a URL of others that begins like ours', ({ url }) => `${url}0/a`, ''],
    ['a path', () => '/a', '/a'],
    ['a relative path', () => 'a', 'a'],
    ['what is no URL', () => 'http://', 'http://'],
  ])('%s', async (_what, sent, seen) => {
    const found = await location(sent, { rewriteLocation: true });
    if (seen === '') expect(found).not.toContain('shop.test');
    else expect(found).toBe(seen);
  });

  test.each<[what: string, sent: (origin: ScriptedOrigin) => string, seen: string]>([
    ['a URL of the origin', ({ url }) => `${url}/a`, 'http://shop.test/api/a'],
    ['a URL of the host that was sent', () => 'http://shop.test/a', 'http://shop.test/api/a'],
    ['a URL that sends clients to TLS', () => 'https://shop.test/a', 'https://shop.test/api/a'],
    ['a path', () => '/a', '/api/a'],
    ['a URL of others', () => 'https://login.test/a', 'https://login.test/a'],
  ])('under a mount point of Express: %s', async (_what, sent, seen) => {
    expect(await location(sent, { rewriteLocation: true }, '/api')).toBe(seen);
  });

  test.each(['//evil.test/api/x', '/\\evil.test/api/x'])(
    'a path that begins like a host leads to none, where Express mounts below any path: %s',
    async (asked) => {
      const handler = startBackend(await originOf({ Location: '/login' })).handler({ rewriteLocation: true });
      const port = await serve(express().use(/^\/.*\/api/, handler));
      expect((await (await client(port)).get(asked)).headers.location).toBe('/evil.test/api/login');
    },
  );

  test.each(['/a\r\nX-Evil: 1', '/\u0100', 5 as never])(
    'what a hook gives that cannot be sent, %j, is its own fault',
    async (given) => {
      const handler = startBackend(await originOf({ Location: '/a' })).handler({ rewriteLocation: () => given });
      const { status, body } = await (await client(await serve(handler))).get('/');
      expect([status, String(body)]).toEqual([500, 'proxy_internal_error\n']);
    },
  );

  test('what is left of a path when a prefix is taken out leads to no other host', async () => {
    const server = fastify();
    onTestFinished(() => server.close());
    const backend = startBackend(await originOf({ Location: '/base//evil.test/' }));
    await server.register(fastifyPooledBackend, { backend, rewritePrefix: '/base', rewriteLocation: true });
    await server.listen({ port: 0, host: '127.0.0.1' });
    const asked = await client((server.server.address() as AddressInfo).port);
    expect((await asked.get('//evil.test')).headers.location).toBe('/evil.test/');
  });

  test('where a hook changes the path, the way back is not known: only the authority is rewritten', async () => {
    const options = { rewriteLocation: true, rewritePath: (path: string) => `/v2${path}` };
    expect(await location(({ url }) => `${url}/v2/a`, options, '/api')).toBe('http://shop.test/v2/a');
    expect(await location(() => '/v2/a', options, '/api')).toBe('/v2/a');
  });

  test.each(['///login.test/a', 'http:///a', 'http://'])(
    "a URL without a host, %s, is nobody's, also where no Host of the client is sent",
    async (sent) => {
      expect(await location(() => sent, { rewriteLocation: true, host: 'origin' })).toBe(sent);
    },
  );

  test("the origin's own host is known too", async () => {
    expect(await location(({ url }) => `${url}/a`, { rewriteLocation: true, host: 'origin' })).toBe(
      'http://shop.test/a',
    );
  });

  test.each([
    ['/api/x', '/x'],
    ['/api/', '/'],
    ['/api', '/'],
    ['/api?a', '/?a'],
  ])('under a mount point of Connect, asked for %s', async (asked, left) => {
    const handler = startBackend(await originOf({ Location: '/a' })).handler({ rewriteLocation: true });
    const port = await serve((req, res) => handler(Object.assign(req, { originalUrl: asked, url: left }), res));
    expect((await (await client(port)).get(asked)).headers.location).toBe('/api/a');
  });

  test('an origin that speaks TLS may mean itself by https', async () => {
    const fields = { Location: 'https://shop.test/a' };
    const origin = await startOrigin({
      tls: { cert, key },
      script: () => [execute(), answer({ status: 302, fields })],
    });
    const handler = startBackend(origin, { tls: { ca: authority } }).handler({ rewriteLocation: true });
    const { headers } = await (await client(await serve(handler))).get('/', { Host: 'shop.test' });
    expect(headers.location).toBe('http://shop.test/a');
  });

  test('an origin that was added at run time is known too', async () => {
    const fields: Record<string, string> = {};
    const [origin, added] = [await originOf({}), await originOf(fields)];
    fields.Location = `${added.url}/a`;
    const backend = startBackend(origin);
    const port = await serve(backend.handler({ rewriteLocation: true }));
    backend.origins.add(added.url);
    await backend.origins.remove(origin.url);
    const { headers } = await (await client(port)).get('/', { Host: 'shop.test' });
    expect(headers.location).toBe('http://shop.test/a');
  });

  test('a trusted proxy in front says where clients are', async () => {
    const origin = await originOf({ Location: 'http://shop.test/a' });
    const handler = startBackend(origin).handler({ rewriteLocation: true, trustProxy: ['127.0.0.1'] });
    const fields = { Host: 'shop.test', 'X-Forwarded-Proto': 'https', 'X-Forwarded-Host': 'www.shop.test, b' };
    expect((await (await client(await serve(handler))).get('/', fields)).headers.location).toBe(
      'https://www.shop.test/a',
    );
    const strict = startBackend(origin).handler({ rewriteLocation: true });
    expect((await (await client(await serve(strict))).get('/', fields)).headers.location).toBe('http://shop.test/a');
  });

  test.each(['', 'javascript', 'wss'])(
    'X-Forwarded-Proto: %s of a trusted proxy is no scheme for a URL',
    async (scheme) => {
      const origin = await originOf({ Location: 'http://shop.test:80/a' });
      const handler = startBackend(origin).handler({ rewriteLocation: true, trustProxy: ['127.0.0.1'] });
      const fields = { Host: 'shop.test', 'X-Forwarded-Proto': scheme, 'X-Forwarded-Host': '' };
      expect((await (await client(await serve(handler))).get('/', fields)).headers.location).toBe('http://shop.test/a');
    },
  );

  test.each([
    ['', '/a', '/api/a'],
    ['/', '/a', '/api/a'],
    ['/v2', '/v2/a', '/api/a'],
    ['/v2', '/v2', '/api'],
    ['/v2', '/v22/a', '/v22/a'],
  ])('in Fastify, with rewritePrefix %j, %s is %s', async (rewritePrefix, sent, seen) => {
    const origin = await originOf({ Location: sent });
    const app = fastify();
    const options = { prefix: '/api', rewritePrefix, rewriteLocation: true };
    app.register(fastifyPooledBackend, { ...options, backend: startBackend(origin) });
    onTestFinished(() => app.close());
    await app.listen({ host: '127.0.0.1', port: 0 });
    const raw = await client((app.server.address() as AddressInfo).port);
    expect((await raw.get('/api/x')).headers.location).toBe(seen);
  });

  test('Content-Location and Refresh are rewritten as well', async () => {
    const fields: Record<string, string> = {};
    const origin = await originOf(fields);
    Object.assign(fields, { 'Content-Location': `${origin.url}/a`, Refresh: `5; url="${origin.url}/b"` });
    const raw = await client(await serve(startBackend(origin).handler({ rewriteLocation: true })));
    const { headers } = await raw.get('/', { Host: 'shop.test' });
    expect([headers['content-location'], headers.refresh]).toEqual([
      'http://shop.test/a',
      '5; url="http://shop.test/b"',
    ]);
  });
});

test('rewriteLocation as a function decides, undefined leaves', async () => {
  const rewriteLocation = (url: string) => (url === '/a' ? '/b' : undefined);
  expect([await location(() => '/a', { rewriteLocation }), await location(() => '/c', { rewriteLocation })]).toEqual([
    '/b',
    '/c',
  ]);
});

test('rewriteLocation that throws is 500', async () => {
  const origin = await originOf({ Location: '/a' });
  const rewriteLocation = () => {
    throw new Error('mine');
  };
  expect((await (await client(await serve(startBackend(origin).handler({ rewriteLocation })))).get('/')).status).toBe(
    500,
  );
});

test('without rewriteLocation nothing is changed', async () => {
  expect(await location(({ url }) => `${url}/a`, {})).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/a$/);
});

describe('cookies', () => {
  const cookies = [
    'a=1; Domain=.Origin.test; Path=/app; HttpOnly',
    'b=2;domain=other.test;path=/',
    'c=3; Secure',
    'd="domain=x"; Path=/app/deep',
  ];

  async function seen(options: HandlerOptions): Promise<string[]> {
    const origin = await originOf({ 'Set-Cookie': cookies });
    const response = await (await client(await serve(startBackend(origin).handler(options)))).get('/');
    return response.rawHeaders.filter((_, index) => response.rawHeaders[index - 1] === 'Set-Cookie');
  }

  test('are left alone by default', async () => {
    expect(await seen({})).toEqual(cookies);
  });

  test('get one domain for all, where they have one', async () => {
    expect(await seen({ cookieDomainRewrite: 'shop.test' })).toEqual([
      'a=1; Domain=shop.test; Path=/app; HttpOnly',
      'b=2;domain=shop.test;path=/',
      ...cookies.slice(2),
    ]);
  });

  test('lose their domain', async () => {
    expect((await seen({ cookieDomainRewrite: '' })).slice(0, 2)).toEqual(['a=1; Path=/app; HttpOnly', 'b=2;path=/']);
  });

  test('get a domain and a path by what they have', async () => {
    const options = {
      cookieDomainRewrite: { '.origin.TEST': 'shop.test', '*': '' },
      cookiePathRewrite: { '/app': '/', '/': '/api' },
    };
    expect(await seen(options)).toEqual([
      'a=1; Domain=shop.test; Path=/; HttpOnly',
      'b=2;path=/api',
      'c=3; Secure',
      'd="domain=x"; Path=/app/deep',
    ]);
  });

  test('cannot be given what is no attribute', async () => {
    const backend = startBackend(await originOf({}));
    for (const bad of ['a;b', 'a\r\nb', 'é', 5, true]) {
      expect(() => backend.handler({ cookieDomainRewrite: bad as string })).toThrow('cookieDomainRewrite');
      expect(() => backend.handler({ cookiePathRewrite: { '/': bad as string } })).toThrow('cookiePathRewrite');
    }
  });
});
