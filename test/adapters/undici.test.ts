import { once } from 'node:events';
import { request as nodeRequest } from 'node:http';
import { PassThrough, Readable } from 'node:stream';
import { text as textOf } from 'node:stream/consumers';
import { pipeline as pipe } from 'node:stream/promises';
import httpProxy from '@fastify/http-proxy';
import replyFrom from '@fastify/reply-from';
import fastify, { type FastifyInstance } from 'fastify';
import { BackendError, PooledBackend } from 'pooled-backend';
import { answer, close, execute, hold, inform, type Script, send, stall } from 'pooled-backend/testing';
import { BackendDispatcher, type BackendDispatcherOptions } from 'pooled-backend/undici';
import {
  type Dispatcher,
  getGlobalDispatcher,
  interceptors,
  MockAgent,
  pipeline,
  RetryAgent,
  request,
  setGlobalDispatcher,
  stream,
  FormData as UndiciFormData,
  fetch as undiciFetch,
} from 'undici';
import { describe, expect, onTestFinished, test } from 'vitest';
import { serve, startBackend, startOrigin, until } from '../mount/setting.js';

interface Setting {
  readonly script?: Script | undefined;
  readonly options?: Parameters<typeof startBackend>[1];
  readonly dispatching?: BackendDispatcherOptions;
}

async function dispatcherOf({ script, options, dispatching }: Setting = {}) {
  const origin = await startOrigin({ script });
  const backend = startBackend(origin, options);
  return { origin, backend, dispatcher: new BackendDispatcher(backend, dispatching), url: origin.url };
}

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

describe('failures', () => {
  const failureOf = (sending: Promise<unknown>): Promise<Error> =>
    sending.then(
      () => Promise.reject(new Error('it did not fail')),
      (error) => error,
    );

  test('of a dial have the code of the system, and the BackendError as their cause', async () => {
    const origin = await startOrigin();
    await origin.close();
    const backend = startBackend(origin, { queueTimeout: 500 });
    const failure = await failureOf(request(origin.url, { dispatcher: new BackendDispatcher(backend) }));
    expect(failure).toMatchObject({ code: 'ECONNREFUSED', syscall: 'connect', cause: { code: 'connection_refused' } });
  });

  test('of time have the classes of undici', async () => {
    const { dispatcher, url } = await dispatcherOf({
      script: ({ request: { path } }) =>
        path === '/silent'
          ? [execute(), stall()]
          : [execute(), send('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf'), stall()],
    });
    const silent = await failureOf(request(`${url}/silent`, { dispatcher, headersTimeout: 20 }));
    expect(silent).toMatchObject({ name: 'HeadersTimeoutError', code: 'UND_ERR_HEADERS_TIMEOUT' });
    const { body } = await request(`${url}/half`, { dispatcher, bodyTimeout: 20 });
    expect(await failureOf(body.text())).toMatchObject({
      name: 'BodyTimeoutError',
      cause: { code: 'connection_read_timeout' },
    });
  });

  test('of a body are the errors of its stream', async () => {
    const { dispatcher, url } = await dispatcherOf();
    const broken = Readable.from(
      (async function* () {
        yield 'a';
        throw new Error('of my own');
      })(),
    );
    const failure = await failureOf(request(url, { dispatcher, method: 'POST', body: broken }));
    expect(failure.message).toBe('of my own');
  });

  test('that no class of undici says are told in words', async () => {
    const { dispatcher, url, backend, origin } = await dispatcherOf({
      script: () => [execute(), hold(), answer()],
      options: { maxConnections: 1, queueTimeout: 20 },
    });
    const first = backend.request({ path: '/', queueTimeout: 60_000 });
    await origin.until(() => origin.executions('/') === 1);
    const second = await failureOf(request(url, { dispatcher }));
    expect(second).toMatchObject({
      code: 'UND_ERR_INFO',
      cause: { code: 'connection_limit_reached', statusCode: 503 },
    });
    origin.release('held');
    await (await first).body.text();
  });
});

describe('a handler', () => {
  const bytes = 400_000;
  const big: Script = ({ request: { path } }) => [
    execute(),
    answer({ body: path === '/big' ? Buffer.alloc(bytes) : 'ok' }),
  ];

  test('of undici 8 pauses and resumes by its controller', async () => {
    const { dispatcher } = await dispatcherOf({ script: big });
    let controller: Dispatcher.DispatchController | undefined;
    let received = 0;
    const told: unknown[] = [];
    dispatcher.dispatch(
      { path: '/big', method: 'GET' },
      {
        onRequestStart: (given) => {
          controller = given;
        },
        onResponseStart: (given, statusCode, headers) => {
          told.push(statusCode, headers['content-length'], given.rawHeaders?.length);
          given.pause();
        },
        onResponseData: (_, { length }) => {
          received += length;
        },
        onResponseEnd: () => {
          told.push('end');
        },
        onResponseError: (_, error) => told.push(error),
      },
    );
    await until(() => told.length > 0);
    await (await dispatcher.request({ path: '/', method: 'GET' })).body.dump();
    expect([controller?.paused, received]).toEqual([true, 0]);
    controller?.resume();
    await until(() => told.includes('end'));
    expect([controller?.paused, received]).toEqual([false, bytes]);
    expect(told).toEqual([200, String(bytes), 2, 'end']);
  });

  test('of undici 6 pauses by what it returns, and resumes by a callback', async () => {
    const { dispatcher } = await dispatcherOf({ script: big });
    let resume = (): void => undefined;
    let received = 0;
    const told: unknown[] = [];
    dispatcher.dispatch(
      { path: '/big', method: 'GET' },
      {
        onConnect: () => told.push('connect'),
        onResponseStarted: () => told.push('started'),
        onHeaders: (statusCode, headers, goOn, statusText) => {
          told.push(statusCode, String(headers[0]).toLowerCase(), statusText);
          resume = goOn;
          return false;
        },
        onData: ({ length }) => {
          received += length;
          return true;
        },
        onComplete: (trailers) => told.push(trailers),
        onError: (error) => told.push(error),
      },
    );
    await until(() => told.length > 4);
    await (await dispatcher.request({ path: '/', method: 'GET' })).body.dump();
    expect(received).toBe(0);
    resume();
    await until(() => told.length > 5);
    expect(received).toBe(bytes);
    expect(told).toEqual(['connect', 'started', 200, 'content-length', 'OK', []]);
  });

  test('that aborts, or throws, is told its own reason, once', async () => {
    const { dispatcher, origin } = await dispatcherOf({ script: big });
    const reasons = ['at the start', 'at the head', 'at the data'].map((moment) => {
      const throwAt = (now: string) => {
        if (now === moment) throw new Error(moment);
      };
      return new Promise<Error[]>((resolve) => {
        const told: Error[] = [];
        dispatcher.dispatch(
          { path: '/big', method: 'GET' },
          {
            onRequestStart: () => throwAt('at the start'),
            onResponseStart: () => throwAt('at the head'),
            onResponseData: () => throwAt('at the data'),
            onResponseEnd: () => told.push(new Error('it went on')),
            onResponseError: (controller, error) => {
              told.push(error);
              expect([controller.aborted, controller.reason]).toEqual([true, error]);
              setImmediate(() => resolve(told));
            },
          },
        );
      });
    });
    const messages = (await Promise.all(reasons)).map((told) => told.map(({ message }) => message));
    expect(messages).toEqual([['at the start'], ['at the head'], ['at the data']]);
    expect(origin.executions('/big')).toBeLessThan(3);
  });

  test('that throws at the end is told so, and nothing is aborted', async () => {
    const { dispatcher } = await dispatcherOf();
    const told = await new Promise((resolve) => {
      dispatcher.dispatch(
        { path: '/', method: 'GET' },
        {
          onRequestStart: () => undefined,
          onResponseEnd: () => {
            throw new Error('at the end');
          },
          onResponseError: ({ aborted }, { message }) => resolve([aborted, message]),
        },
      );
    });
    expect(told).toEqual([false, 'at the end']);
    await dispatcher.close();
  });

  test.each(['at the head', 'later'])('that pauses, and aborts %s what is here whole, is told so', async (moment) => {
    const { dispatcher, backend } = await dispatcherOf();
    let controller: Dispatcher.DispatchController | undefined;
    const reason = new Error('enough');
    const told = new Promise<Error>((resolve) => {
      dispatcher.dispatch(
        { path: '/', method: 'GET' },
        {
          onRequestStart: () => undefined,
          onResponseStart(given) {
            controller = given;
            given.pause();
            if (moment === 'at the head') given.abort(reason);
          },
          onResponseError: (_controller, error) => resolve(error),
        },
      );
    });
    await until(() => controller !== undefined && backend.stats().origins[0]?.connections.idle === 1);
    controller?.abort(reason);
    expect(await told).toBe(reason);
    await dispatcher.close();
  });

  test('that is none is refused', async () => {
    const { dispatcher } = await dispatcherOf();
    const dispatch = (handler: object) => () => dispatcher.dispatch({ path: '/', method: 'GET' }, handler);
    expect(dispatch({})).toThrow('invalid onRequestStart method');
    expect(dispatch(null as unknown as object)).toThrow('handler must be an object');
  });
});

describe('which requests are the backend’s', () => {
  test('those for any of its origins, wherever they then go', async () => {
    const origins = [await startOrigin(), await startOrigin()];
    const backend = startBackend(origins, { balance: 'round-robin' });
    const dispatcher = new BackendDispatcher(backend);
    for (let i = 0; i < 4; i++) await (await request(`${origins[0]?.url}/`, { dispatcher })).body.dump();
    expect(origins.map((origin) => origin.executions('/') > 0)).toEqual([true, true]);
    expect(origins[1]?.requests[0]?.headers.host).toBe(origins[1]?.url.slice('http://'.length));
  });

  test('those for an origin that was added at run time, and for none that was removed after that', async () => {
    const { dispatcher } = await dispatcherOf();
    const added = await startOrigin();
    dispatcher.backend.origins.add(added.url);
    await (await request(`${added.url}/`, { dispatcher })).body.dump();
    await dispatcher.backend.origins.remove(added.url);
    await expect(request(`${added.url}/`, { dispatcher })).rejects.toMatchObject({ code: 'UND_ERR_INVALID_ARG' });
  });

  test('those for its names, with the Host field of the URL', async () => {
    const { dispatcher, origin } = await dispatcherOf({ dispatching: { names: ['http://orders.internal'] } });
    await (await request('http://orders.internal/1', { dispatcher })).body.dump();
    expect(origin.requests[0]?.headers.host).toBe('orders.internal');
  });

  test('no others, with a message that says which', async () => {
    const { dispatcher, url } = await dispatcherOf();
    await expect(request('http://elsewhere.test/', { dispatcher })).rejects.toMatchObject({
      code: 'UND_ERR_INVALID_ARG',
      message: `http://elsewhere.test is not an origin of this dispatcher, which has ${url}`,
    });
  });

  test('others go to another dispatcher, as a global one', async () => {
    const agent = new MockAgent();
    agent.disableNetConnect();
    agent.get('http://elsewhere.test').intercept({ path: '/' }).reply(200, 'from elsewhere');
    const { dispatcher, url, origin } = await dispatcherOf({ dispatching: { others: agent } });
    const before = getGlobalDispatcher();
    onTestFinished(() => setGlobalDispatcher(before));
    setGlobalDispatcher(dispatcher);
    expect(await (await undiciFetch('http://elsewhere.test/')).text()).toBe('from elsewhere');
    await (await fetch(`${url}/here`)).text();
    expect(origin.executions('/here')).toBe(1);
    await agent.close();
  });

  test.each<[string, unknown, string]>([
    ['an unknown option', { name: [] }, 'unknown option name'],
    ['an option of a backend', { maxConnections: 10 }, 'options of a backend are the first argument'],
    ['a name with a path', { names: ['http://a/b'] }, 'names must be origins'],
    ['names that are no list', { names: 'http://a' }, 'names must be a list'],
    ['others that dispatch nothing', { others: {} }, "others must be 'refuse' or a dispatcher"],
  ])('%s is refused', (_, options, message) => {
    expect(() => new BackendDispatcher('http://127.0.0.1:9001', options as BackendDispatcherOptions)).toThrow(message);
  });
});

describe('the end', () => {
  test('close() waits for what was dispatched, takes no more, and leaves a given backend open', async () => {
    const { dispatcher, url, origin, backend } = await dispatcherOf({
      script: ({ request: { path } }) => (path === '/held' ? [execute(), hold(), answer()] : [execute(), answer()]),
    });
    const held = request(`${url}/held`, { dispatcher });
    await origin.until(() => origin.executions('/held') === 1);
    let isClosed = false;
    const closing = dispatcher.close().then(() => {
      isClosed = true;
    });
    await expect(request(url, { dispatcher })).rejects.toMatchObject({ code: 'UND_ERR_CLOSED' });
    expect(isClosed).toBe(false);
    origin.release('held');
    await (await held).body.dump();
    await closing;
    await expect(request(url, { dispatcher })).rejects.toMatchObject({ code: 'UND_ERR_DESTROYED' });
    expect((await backend.request({ path: '/' })).statusCode).toBe(200);
  });

  test('destroy() ends what was dispatched with its error', async () => {
    const { dispatcher, url, origin } = await dispatcherOf({ script: () => [execute(), stall()] });
    const sending = request(`${url}/`, { dispatcher });
    await origin.until(() => origin.executions('/') === 1);
    const destroyed = new Promise<void>((resolve) => {
      dispatcher.destroy(new Error('over'), resolve);
    });
    await expect(sending).rejects.toThrow('over');
    await destroyed;
    expect(dispatcher.destroyed).toBe(true);
    await expect(dispatcher.close()).rejects.toMatchObject({ code: 'UND_ERR_DESTROYED' });
  });

  test('a backend of its own is closed with it', async () => {
    const origin = await startOrigin();
    const dispatcher = new BackendDispatcher({ origins: [origin.url] });
    await (await request(origin.url, { dispatcher })).body.dump();
    await dispatcher.close();
    expect(dispatcher.backend).toBeInstanceOf(PooledBackend);
    expect(dispatcher.backend.stats().state).toBe('closed');
    const other = new BackendDispatcher(origin.url);
    await other.destroy();
    expect(other.backend.stats().state).toBe('closed');
  });
});
