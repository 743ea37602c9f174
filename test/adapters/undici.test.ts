import { once } from 'node:events';
import { request as nodeRequest } from 'node:http';
import { PassThrough, Readable } from 'node:stream';
import { text as textOf } from 'node:stream/consumers';
import { pipeline as pipe } from 'node:stream/promises';
import httpProxy from '@fastify/http-proxy';
import replyFrom from '@fastify/reply-from';
import fastify, { type FastifyInstance } from 'fastify';
import { BackendError } from 'pooled-backend';
import { answer, close, execute, inform, send, stall } from 'pooled-backend/testing';
import {
  type Dispatcher,
  interceptors,
  pipeline,
  RetryAgent,
  request,
  stream,
  FormData as UndiciFormData,
  fetch as undiciFetch,
} from 'undici';
import { describe, expect, onTestFinished, test } from 'vitest';
import { serve, until } from '../mount/setting.js';
import { dispatcherOf } from './undici-setting.js';

type FetchInit = Omit<RequestInit, 'dispatcher'> & { readonly dispatcher: Dispatcher };

/** Node's own fetch, whose types are those of the undici that is built in. */
const nodeFetch = (url: string, init: FetchInit) => fetch(url, init as unknown as RequestInit);

const fetches: readonly (readonly [string, typeof nodeFetch])[] = [
  ["Node's fetch", nodeFetch],
  ["undici's fetch", undiciFetch as unknown as typeof nodeFetch],
];

describe.each(fetches)('%s', (_, fetched) => {
  test('gets a response, over a connection that is used again', async () => {
    const { dispatcher, url, backend } = await dispatcherOf({
      script: () => [execute(), answer({ status: 203, fields: { 'X-A': ['1', '2'] }, body: '{"a":1}' })],
    });
    for (let i = 0; i < 2; i++) {
      const response = await fetched(`${url}/a?b=c`, { dispatcher });
      expect([response.status, response.headers.get('x-a')]).toEqual([203, '1, 2']);
      expect(await response.json()).toEqual({ a: 1 });
    }
    expect(backend.stats().origins[0]).toMatchObject({ dialled: 1, requests: 2, reused: 1 });
  });

  test('sends a body with its length and its type', async () => {
    const { dispatcher, url, origin } = await dispatcherOf();
    const body = new URLSearchParams({ a: 'ä' });
    await (await fetched(`${url}/form`, { dispatcher, method: 'POST', body })).text();
    const [sent] = origin.requests;
    expect(sent?.headers['content-type']).toBe('application/x-www-form-urlencoded;charset=UTF-8');
    expect(Buffer.from(sent?.body ?? []).toString()).toBe('a=%C3%A4');
    expect(sent?.headers['content-length']).toBe(String(sent?.body.byteLength));
  });

  test('follows redirects and decodes what is compressed', async () => {
    const { gzipSync } = await import('node:zlib');
    const { dispatcher, url } = await dispatcherOf({
      script: ({ request: { path } }) => [
        path === '/from'
          ? answer({ status: 302, fields: { Location: '/to' } })
          : answer({ fields: { 'Content-Encoding': 'gzip' }, body: gzipSync(path) }),
      ],
    });
    const response = await fetched(`${url}/from`, { dispatcher });
    expect([response.redirected, await response.text()]).toEqual([true, '/to']);
  });

  test('is aborted by its signal, and the connection is closed', async () => {
    const { dispatcher, url, origin, backend } = await dispatcherOf({ script: () => [execute(), stall()] });
    const abort = new AbortController();
    const fetching = fetched(`${url}/`, { dispatcher, signal: abort.signal });
    await origin.until(() => origin.executions('/') === 1);
    abort.abort(new Error('enough'));
    await expect(fetching).rejects.toThrow('enough');
    await until(() => backend.stats().origins[0]?.connections.open === 0);
  });

  test('rejects when the response breaks off', async () => {
    const { dispatcher, url } = await dispatcherOf({
      script: () => [execute(), send('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf'), close()],
    });
    const response = await fetched(`${url}/`, { dispatcher });
    await expect(response.text()).rejects.toThrow('terminated');
  });

  test('names the BackendError behind a failure', async () => {
    const { dispatcher, url, origin } = await dispatcherOf({ script: () => [execute(), close()] });
    const failure = await fetched(`${url}/pay`, { dispatcher, method: 'POST', body: 'x' }).catch((error) => error);
    expect(failure.cause).toMatchObject({ code: 'UND_ERR_SOCKET', cause: { delivery: 'unknown' } });
    expect(BackendError.is(failure.cause.cause)).toBe(true);
    expect(origin.executions('/pay')).toBe(1);
  });
});

describe('undici', () => {
  test('request() gives status, fields, body, trailers and interim responses', async () => {
    const { dispatcher, url } = await dispatcherOf({
      script: () => [
        inform(103, { Link: '</a.css>' }),
        execute(),
        answer({
          fields: { 'Set-Cookie': ['a=1', 'b=2'] },
          framing: 'chunked',
          body: ['he', 'llo'],
          trailers: { 'X-Sum': '9' },
        }),
      ],
    });
    const interim: unknown[] = [];
    const response = await request(`${url}/`, { dispatcher, onInfo: (info) => interim.push(info) });
    expect(response).toMatchObject({ statusCode: 200, headers: { 'set-cookie': ['a=1', 'b=2'] } });
    expect(await response.body.text()).toBe('hello');
    expect(response.trailers).toEqual({ 'x-sum': '9' });
    expect(interim).toEqual([{ statusCode: 103, headers: { link: '</a.css>' } }]);
  });

  test('request() adds its query, and fields in each of their shapes', async () => {
    const { dispatcher, origin } = await dispatcherOf();
    const shapes: NonNullable<Dispatcher.DispatchOptions['headers']>[] = [
      { 'X-A': ['1', '2'], 'x-none': undefined },
      ['X-A', '1', 'X-A', '2'],
      new Map([['X-A', ['1', '2']]]),
    ];
    for (const headers of shapes) {
      const { body } = await dispatcher.request({ path: '/a', method: 'GET', query: { b: ['c', 'd e'] }, headers });
      await body.dump();
    }
    expect(origin.requests.map(({ path }) => path)).toEqual(Array(3).fill('/a?b=c&b=d%20e'));
    expect(origin.requests.map(({ headers }) => headers['x-a'])).toEqual(Array(3).fill('1, 2'));
  });

  test('stream() writes the body into the stream that it is given', async () => {
    const { dispatcher, url } = await dispatcherOf({
      script: () => [execute(), answer({ body: 'x'.repeat(300_000) })],
    });
    const into = new PassThrough();
    const text = textOf(into);
    await stream(`${url}/`, { dispatcher, method: 'GET' }, () => into);
    expect((await text).length).toBe(300_000);
  });

  test('pipeline() sends what is written and gives what comes back', async () => {
    const { dispatcher, url, origin } = await dispatcherOf({
      script: () => [execute(), answer({ body: 'back' })],
    });
    const through = pipeline(`${url}/`, { dispatcher, method: 'PUT' }, ({ body }) => body);
    const into = new PassThrough();
    const text = textOf(into);
    await pipe(Readable.from(['fo', 'rth']), through, into);
    expect(await text).toBe('back');
    expect(Buffer.from(origin.requests[0]?.body ?? []).toString()).toBe('forth');
  });

  const form = new UndiciFormData();
  form.set('a', 'b');
  test.each<[string, unknown, string | RegExp]>([
    ['a string', 'hello', 'hello'],
    ['bytes', new Uint8Array(Buffer.from('hello')), 'hello'],
    ['a view of bytes', new DataView(new TextEncoder().encode('hello').buffer), 'hello'],
    ['an ArrayBuffer', new TextEncoder().encode('hello').buffer, 'hello'],
    ['a stream', Readable.from(['he', 'llo']), 'hello'],
    ['a web stream', new Blob(['hello']).stream(), 'hello'],
    ['an iterable', [Buffer.from('he'), Buffer.from('llo')], 'hello'],
    ['a Blob', new Blob(['hello'], { type: 'text/x' }), 'hello'],
    ['FormData', form, /name="a"\r\n\r\nb\r\n/],
    ['nothing', '', ''],
  ])('request() sends %s', async (_, body, expected) => {
    const { dispatcher, url, origin } = await dispatcherOf();
    const { body: received } = await request(`${url}/`, { dispatcher, method: 'POST', body: body as string });
    await received.dump();
    const sent = Buffer.from(origin.requests[0]?.body ?? []).toString();
    if (typeof expected === 'string') expect(sent).toBe(expected);
    else expect(sent).toMatch(expected);
  });

  test('refuses what it cannot send, in the words of undici', async () => {
    const { dispatcher, url } = await dispatcherOf();
    const failures = [
      { path: '/', method: 'GET', headers: { upgrade: 'h2c' } },
      { path: '/', method: 'GET', headers: { expect: '100-continue' } },
      { path: '/ä€', method: 'GET' },
      { path: '/', method: 'GET', headersTimeout: -1 },
      { path: '/', method: 'GET', body: 5 },
      { path: '/', method: 'GET', maxRedirections: 2 },
    ].map((options) => dispatcher.request(options as Dispatcher.RequestOptions).catch(({ code }) => code));
    expect(await Promise.all(failures)).toEqual([
      'UND_ERR_INVALID_ARG',
      'UND_ERR_NOT_SUPPORTED',
      'UND_ERR_INVALID_ARG',
      'UND_ERR_INVALID_ARG',
      'UND_ERR_INVALID_ARG',
      'UND_ERR_INVALID_ARG',
    ]);
    await expect(dispatcher.upgrade({ path: '/' })).rejects.toThrow('backend.upgradeHandler()');
    await expect(dispatcher.connect({ path: 'a:1', origin: url })).rejects.toMatchObject({
      code: 'UND_ERR_NOT_SUPPORTED',
    });
  });

  test('interceptors work on it, and close() is still its own', async () => {
    const { dispatcher, url } = await dispatcherOf({
      script: ({ request: { path } }) => [
        execute(),
        path === '/from' ? answer({ status: 302, fields: { Location: '/to' } }) : answer({ body: path }),
      ],
    });
    const composed = dispatcher.compose(interceptors.redirect({ maxRedirections: 2 }), interceptors.retry());
    const { body } = await request(`${url}/from`, { dispatcher: composed });
    expect(await body.text()).toBe('/to');
    await composed.close();
    expect(dispatcher.closed).toBe(true);
  });

  test.each<[string, (dispatcher: Dispatcher) => Dispatcher]>([
    ['interceptors.retry()', (dispatcher) => dispatcher.compose(interceptors.retry({ minTimeout: 1 }))],
    ['RetryAgent', (dispatcher) => new RetryAgent(dispatcher, { minTimeout: 1 })],
  ])('%s repeats what is answered with one of its statuses', async (_, retrying) => {
    const statuses = [503, 429, 200];
    const { dispatcher, url, origin } = await dispatcherOf({
      script: () => [execute(), answer({ status: statuses.shift() ?? 500 })],
    });
    const { statusCode, body } = await request(`${url}/`, { dispatcher: retrying(dispatcher) });
    await body.dump();
    expect([statusCode, origin.executions('/')]).toEqual([200, 3]);
  });

  test('interceptors.dump(), which takes the place of abort(), ends what is too long; destroy() what is silent', async () => {
    const { dispatcher, url, origin } = await dispatcherOf({
      script: ({ request: { path } }) => [
        execute(),
        ...(path === '/silent' ? [] : [send('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nthe beginning')]),
        stall(),
      ],
    });
    const dumping = dispatcher.compose(interceptors.dump({ maxSize: 10 }));
    await expect(request(`${url}/endless`, { dispatcher: dumping })).rejects.toMatchObject({ code: 'UND_ERR_ABORTED' });
    const silent = request(`${url}/silent`, { dispatcher: dumping });
    await origin.until(() => origin.executions('/silent') === 1);
    const failing = expect(silent).rejects.toBeInstanceOf(Error);
    await dispatcher.destroy(new Error('over'));
    await failing;
  });

  test("a client's request as the body leaves the client to be answered when the origin fails", async () => {
    const { dispatcher, url } = await dispatcherOf({ script: () => [execute(), close()] });
    const port = await serve((req, res) => {
      request(`${url}/`, { dispatcher, method: 'POST', body: req }).catch((error) => {
        res.writeHead(502).end(error.code);
      });
    });
    const sending = nodeRequest({ port, method: 'POST', headers: { 'Content-Length': 5 } });
    sending.end('hello');
    const [res] = await once(sending, 'response');
    expect([res.statusCode, await textOf(res)]).toEqual([502, 'UND_ERR_SOCKET']);
  });
});

test.each<[string, (app: FastifyInstance, url: string, dispatcher: Dispatcher) => void]>([
  [
    '@fastify/reply-from',
    (app, url, dispatcher) => {
      app.register(replyFrom, { base: url, undici: dispatcher });
      app.post('/', (_request, reply) => reply.from('/to'));
    },
  ],
  [
    '@fastify/http-proxy',
    (app, url, dispatcher) => {
      app.register(httpProxy, { upstream: url, rewritePrefix: '/to', undici: dispatcher });
    },
  ],
])('%s sends over it what it relays', async (_, mount) => {
  const { dispatcher, url, origin } = await dispatcherOf({
    script: () => [execute(), answer({ status: 201, body: 'made' })],
  });
  const app = fastify();
  onTestFinished(() => app.close());
  mount(app, url, dispatcher);
  const response = await app.inject({ method: 'POST', url: '/', payload: { book: 1 } });
  expect([response.statusCode, response.body]).toEqual([201, 'made']);
  expect(origin.requests.map(({ path, body }) => [path.replace(/\/$/, ''), Buffer.from(body).toString()])).toEqual([
    ['/to', '{"book":1}'],
  ]);
});
