import { once } from 'node:events';
import { Readable } from 'node:stream';
import { ReadableStream, type ReadableStreamDefaultController } from 'node:stream/web';
import { setImmediate as turn } from 'node:timers/promises';
import type { BackendRequestOptions } from 'pooled-backend';
import { answer, close, execute, hold, inform, stall } from 'pooled-backend/testing';
import { describe, expect, test } from 'vitest';
import { abortable, backendOf } from './request-setting.js';
import { bodyOf, startBackend, startOrigin, until } from './setting.js';

/** What `lib.dom.d.ts` has in common with the web streams of Node. */
type DomStream = Pick<ReadableStream<Uint8Array>, 'cancel' | 'getReader' | 'locked'>;

async function* pieces(...all: (string | Buffer)[]): AsyncGenerator<string | Buffer> {
  yield* all;
}

function helloOnce(controller: ReadableStreamDefaultController): void {
  controller.enqueue(Buffer.from('hello'));
  controller.close();
}

async function readBefore<S extends AsyncIterable<unknown>>(stream: S): Promise<S> {
  for await (const _ of stream);
  return stream;
}

async function failed(stream: Readable): Promise<Readable> {
  await once(stream.destroy(new Error('gone')), 'close').catch(() => undefined);
  return stream;
}

function locked(stream: ReadableStream): ReadableStream {
  stream.getReader();
  return stream;
}

describe('the request', () => {
  test.each([
    ['an object', { 'X-A': ['1', '2'], 'x-b': 3, 'X-C': undefined }],
    [
      'pairs',
      [
        ['X-A', '1'],
        ['X-A', '2'],
        ['x-b', '3'],
      ] as const,
    ],
    ['a flat array', ['X-A', '1', 'X-A', '2', 'x-b', '3']],
    [
      'a Map',
      new Map([
        ['X-A', ['1', '2']],
        ['x-b', ['3']],
      ]),
    ],
  ])('takes its fields as %s', async (_what, headers) => {
    const { backend, origin } = await backendOf();
    await backend.request({ path: '/', headers });
    expect(origin.requests[0]?.rawHeaders.slice(2, -2)).toEqual(['X-A', '1', 'X-A', '2', 'x-b', '3']);
  });

  test('takes its fields as Headers, and Host with them', async () => {
    const { backend, origin } = await backendOf();
    await backend.request({ path: '/', headers: new Headers({ host: 'other.test', 'x-a': '1', connection: 'x-a' }) });
    expect(origin.requests[0]?.rawHeaders).toEqual(['Host', 'other.test', 'Connection', 'keep-alive']);
  });

  test.each<[what: string, make: () => BackendRequestOptions['body'], sent: string, length: string | undefined]>([
    ['a string', () => 'caf\xe9', 'caf\xc3\xa9', '5'],
    ['bytes', () => Buffer.from('\xff', 'latin1'), '\xff', '1'],
    ['a view of other numbers', () => new Uint16Array(new Uint8Array([1, 2, 3, 4]).buffer, 2, 1), '\x03\x04', '2'],
    ['URLSearchParams', () => new URLSearchParams({ a: '1 2' }), 'a=1+2', '5'],
    ['a Readable', () => Readable.from([Buffer.from('he'), Buffer.from('llo')]), 'hello', undefined],
    ['a web stream', () => new ReadableStream({ pull: helloOnce }), 'hello', undefined],
    ["a web stream of TypeScript's DOM", (): DomStream => new ReadableStream({ pull: helloOnce }), 'hello', undefined],
    ['an async iterable', () => pieces('he', Buffer.from('llo')), 'hello', undefined],
    ['an iterable of other numbers', () => [new Uint16Array([0x6568])] as never, 'he', undefined],
    ['nothing', () => undefined, '', '0'],
    ['null', () => null, '', '0'],
  ])('takes its body as %s', async (_what, make, sent, length) => {
    const { backend, origin } = await backendOf();
    const response = await backend.request({ method: 'POST', path: '/', body: make() });
    expect([response.statusCode, bodyOf(origin.requests[0]), origin.requests[0]?.headers['content-length']]).toEqual([
      200,
      sent,
      length,
    ]);
  });

  test('with a declared length has that length, or fails', async () => {
    const { backend, origin } = await backendOf();
    const sending = (text: string) =>
      backend.request({
        method: 'POST',
        path: '/',
        headers: { 'Content-Length': '5' },
        body: Readable.from([Buffer.from(text)]),
      });
    expect((await sending('hello')).statusCode).toBe(200);
    expect(origin.requests[0]?.headers['content-length']).toBe('5');
    await expect(sending('hell')).rejects.toMatchObject({ code: 'http_request_error' });
    await expect(
      backend.request({ method: 'POST', path: '/', headers: { 'Content-Length': '4' }, body: 'hello' }),
    ).rejects.toMatchObject({ code: 'http_request_error' });
  });

  test.each([
    ['a path without a slash', { path: 'a' }],
    ['an absolute URL', { path: 'http://a/' }],
    ['a path with a space', { path: '/a b' }],
    ['a path with a fragment', { path: '/a#b' }],
    ['a path above latin1', { path: '/€' }],
    ['a method that is no token', { method: 'GE T', path: '/' }],
    ['CONNECT', { method: 'CONNECT', path: '/' }],
    ['a field with a line break', { path: '/', headers: { 'X-A': 'a\r\nb' } }],
    ['a field name with a space', { path: '/', headers: { 'X A': 'a' } }],
    ['a field that is null', { path: '/', headers: { 'X-A': null as unknown as string } }],
    ['half a pair', { path: '/', headers: ['X-A'] }],
    ['Expect', { path: '/', headers: { Expect: '100-continue' } }],
    ['a body that is a number', { path: '/', body: 5 as unknown as string }],
    ['a timeout of 0', { path: '/', headersTimeout: 0 }],
  ])('with %s is refused, by a rejection, and nothing is sent', async (_what, options) => {
    const { backend, origin } = await backendOf();
    await expect(backend.request(options)).rejects.toMatchObject({
      name: 'BackendError',
      code: 'http_request_error',
      delivery: 'unsent',
    });
    expect(origin.connectionsAccepted).toBe(0);
  });

  test.each<[given: unknown, named: RegExp]>([
    [undefined, /^the options of a request must be an object, got undefined$/],
    [null, /^the options of a request must be an object, got null$/],
    ['/path', /^the options of a request must be an object, got '\/path'$/],
    [{}, /^path must begin with \/.*, got undefined$/],
    [{ path: 5n }, /^path must .*, got 5n$/],
    [{ path: '*' }, /^path must .*, got '\*'$/],
    [{ path: '/', method: Symbol('GET') }, /^method must be a token, got Symbol\(GET\)$/],
    [{ path: '/', method: null }, /^method must be a token, got null$/],
    [{ path: '/', idempotant: true }, /^unknown option idempotant of a request; known: method, path, /],
    [{ path: '/', retryOn: [503] }, /^unknown option retryOn of a request: it is an option of the backend; known: /],
    [{ path: '/', host: 'origin' }, /^unknown option host of a request: it is an option of handler\(\); known: /],
    [{ path: '/', idempotent: 'x' }, /^idempotent must be true or false, got 'x'$/],
    [
      { path: '/', nonIdempotent: 'sometimes' },
      /^nonIdempotent must be 'fresh', 'verified' or 'any', got 'sometimes'$/,
    ],
    [{ path: '/', signal: 5 }, /^signal must be an AbortSignal, got 5$/],
    [{ path: '/', signal: new EventTarget() }, /^signal must be an AbortSignal, got EventTarget/],
    [{ path: '/', signal: { aborted: false, addEventListener() {} } }, /^signal must be an AbortSignal, got /],
    [{ path: '/', onInformation: true }, /^onInformation must be a function, got true$/],
    [{ path: '/', queueTimeout: -1 }, /^queueTimeout must be a number of milliseconds from 1.*, got -1$/],
    [{ path: '/', sendTimeout: '5' }, /^sendTimeout must be .*, got '5'$/],
    [{ path: '/', headersTimeout: null }, /^headersTimeout must be .*, got null$/],
    [{ path: '/', bodyTimeout: Number.NaN }, /^bodyTimeout must be .*, got NaN$/],
    [{ path: '/', requestTimeout: 0 }, /^requestTimeout must be .*, got 0$/],
    [{ path: '/', headers: 5 }, /^headers must be an object, pairs, or a flat array of strings, got 5$/],
    [{ path: '/', headers: null }, /^headers must be .*, got null$/],
    [{ path: '/', headers: new Set(['ab']) }, /^headers that are iterable must give pairs, got 'ab'$/],
    [{ path: '/', headers: [[5, 'a']] }, /^a field name must be a string, got a value of type number$/],
    [{ path: '/', headers: { a: null } }, /^the value of "a" must be a string or a number, got null$/],
    [
      { path: '/', headers: { a: true } },
      /^the value of "a" must be a string or a number, got a value of type boolean$/,
    ],
    [{ path: '/', headers: { Host: ['a', 'a'] } }, /^host is given twice$/],
    [{ path: '/', headers: { 'Content-Length': '0x5' } }, /^Content-Length must be a decimal number, got "0x5"$/],
    [{ path: '/', headers: { 'Content-Length': 5 } }, /^Content-Length is 5, but the body has 0 bytes$/],
    [
      { path: '/', headers: { 'Content-Length': 0 }, trailers: {} },
      /^trailers cannot be combined with Content-Length$/,
    ],
    [{ path: '/', trailers: 5 }, /^trailers must be .*, got 5$/],
    [{ path: '/', trailers: () => null }, /^trailers must be .*, got null$/],
    [{ path: '/', body: true }, /^body must be .*, got true$/],
    [{ path: '/', body: { password: 'secret' } }, /^body must be .*, got an object of class Object$/],
    [
      { path: '/', body: new FormData() },
      /^body must be .*, got an object of class FormData; backend\.fetch\(\) accepts it$/,
    ],
    [
      { path: '/', body: new Blob([]) },
      /^body must be .*, got an object of class Blob; backend\.fetch\(\) accepts it$/,
    ],
    [{ path: '/', body: { [Symbol.asyncIterator]: 5 } }, /^body is an iterable that cannot be read: /],
  ])('given as %o is refused by a sentence that names what is wrong', async (given, named) => {
    const { backend, origin } = await backendOf();
    await expect(backend.request(given as BackendRequestOptions)).rejects.toMatchObject({
      ...{ name: 'BackendError', code: 'http_request_error', delivery: 'unsent' },
      message: expect.stringMatching(named),
    });
    expect(origin.connectionsAccepted).toBe(0);
  });

  test.each<[what: string, make: () => Promise<BackendRequestOptions['body']>]>([
    ['read to its end', () => readBefore(Readable.from([Buffer.from('x')]))],
    ['destroyed', async () => Readable.from([Buffer.from('x')]).destroy()],
    ['failed', async () => failed(new Readable())],
    ['locked by another reader', async () => locked(new ReadableStream())],
    ['read by another reader', () => readBefore(new ReadableStream({ pull: helloOnce }))],
  ])('with a stream that was %s is refused: nothing of it would be sent', async (_what, make) => {
    const { backend, origin } = await backendOf();
    await expect(backend.request({ method: 'POST', path: '/', body: await make() })).rejects.toMatchObject({
      ...{ name: 'BackendError', code: 'http_request_error', delivery: 'unsent' },
      message: expect.stringMatching(/^body is a /),
    });
    expect(origin.connectionsAccepted).toBe(0);
  });

  test.each<[what: string, item: unknown, named: string]>([
    ['a number', 5, 'a value of type number'],
    ['null', null, 'null'],
    ['undefined', undefined, 'a value of type undefined'],
    ['an object', {}, 'a value of type object'],
    ['an ArrayBuffer', new ArrayBuffer(1), 'a value of type object'],
  ])('whose body gives %s fails by name, and leaves no connection for others', async (_what, item, named) => {
    const { backend, origin } = await backendOf();
    const items = [Buffer.from('a'), item, Buffer.from('b')];
    const web = new ReadableStream({
      start(controller) {
        for (const one of items) controller.enqueue(one);
        controller.close();
      },
    });
    for (const body of [items as Buffer[], pieces(...(items as Buffer[])), web]) {
      await expect(backend.request({ method: 'POST', path: '/', body })).rejects.toMatchObject({
        code: 'http_request_error',
        message: `a request body must consist of bytes or strings, got ${named}`,
      });
    }
    expect(backend.stats()).toMatchObject({ inFlight: 0, origins: [{ connections: { busy: 0 }, reused: 0 }] });
    expect(origin.requests.filter(({ complete }) => complete)).toEqual([]);
  });

  test('whose trailers come as a promise fails by name', async () => {
    const { backend, origin } = await backendOf();
    for (const trailers of [async () => ({ 'x-sum': '9' }), () => Promise.reject(new Error('mine'))]) {
      const body = pieces('a');
      await expect(
        backend.request({ method: 'POST', path: '/', body, trailers: trailers as never }),
      ).rejects.toMatchObject({
        ...{ code: 'proxy_internal_error', message: 'the trailers hook returned a promise: it must be synchronous' },
      });
    }
    expect(origin.requests.filter(({ complete }) => complete)).toEqual([]);
  });

  test('whose idempotent hook throws keeps no stream', async () => {
    const origin = await startOrigin();
    const backend = startBackend(origin, {
      idempotent: () => {
        throw new Error('mine');
      },
    });
    const given = new Readable({ read: () => undefined });
    await expect(backend.request({ method: 'POST', path: '/', body: given })).rejects.toMatchObject({
      ...{ code: 'proxy_internal_error', cause: { message: 'mine' } },
    });
    expect(given.destroyed).toBe(true);
  });

  test('whose onInformation rejects fails with it', async () => {
    const origin = await startOrigin({ script: () => [inform(103), execute(), stall()] });
    const backend = startBackend(origin);
    const onInformation = async () => {
      throw new Error('mine');
    };
    await expect(backend.request({ path: '/', onInformation })).rejects.toMatchObject({
      ...{ code: 'proxy_internal_error', cause: { message: 'mine' } },
    });
  });

  test('that is aborted cancels the web stream that is its body', async () => {
    const { backend } = await backendOf();
    const controller = new AbortController();
    const cancelled = new Promise((resolve) => {
      const body = new ReadableStream({ pull: () => new Promise(() => undefined), cancel: resolve });
      backend.request({ method: 'POST', path: '/', body, signal: controller.signal }).catch(() => undefined);
    });
    controller.abort();
    await cancelled;
  });

  test('whose web stream fails fails with its cause', async () => {
    const { backend } = await backendOf();
    const reason = new Error('no more');
    const body = new ReadableStream({ pull: (controller) => controller.error(reason) });
    await expect(backend.request({ method: 'POST', path: '/', body })).rejects.toMatchObject({
      code: 'client_aborted',
      cause: reason,
    });
  });

  test('takes names that its options inherit for what they are', async () => {
    const { backend, origin } = await backendOf();
    await backend.request(Object.create({ path: '/inherited', shared: 'by others' }));
    expect(origin.requests[0]?.path).toBe('/inherited');
  });

  test('has timeouts of its own', async () => {
    const { backend } = await backendOf(() => [hold()]);
    await expect(backend.request({ path: '/', headersTimeout: 50 })).rejects.toMatchObject({
      code: 'http_response_timeout',
    });
  });
});

/** What would have ended the process while `run` ran. */
async function uncaughtIn(run: () => Promise<void>): Promise<unknown[]> {
  const before = process.listeners('uncaughtException');
  const caught: unknown[] = [];
  process.removeAllListeners('uncaughtException').on('uncaughtException', (error) => caught.push(error));
  try {
    await run();
  } finally {
    process.removeAllListeners('uncaughtException');
    for (const listener of before) process.on('uncaughtException', listener);
  }
  return caught;
}

test('a body whose cleanup throws does not end the process', async () => {
  const { backend } = await backendOf(() => [execute(), hold()]);
  const { signal, abort } = abortable();
  let cleaned = false;
  async function* body() {
    try {
      for (;;) yield await turn(Buffer.from('x'));
    } finally {
      cleaned = true;
      await Promise.reject(new Error('not closed'));
    }
  }
  const uncaught = await uncaughtIn(async () => {
    const pending = backend.request({ method: 'POST', path: '/', body: body(), signal });
    await once(backend, 'attempt');
    abort();
    await expect(pending).rejects.toMatchObject({ code: 'client_aborted' });
    await until(() => cleaned);
    for (let turns = 0; turns < 5; turns += 1) await turn();
  });
  expect(uncaught).toEqual([]);
});

test('a body that fails behind its end does not end the process', async () => {
  const { backend } = await backendOf(() => [execute(), hold()]);
  const { signal, abort } = abortable();
  const body = new Readable({
    read() {
      this.push('x');
      this.push(null);
    },
    destroy: (_, done) => done(new Error('not closed')),
  });
  const uncaught = await uncaughtIn(async () => {
    const pending = backend.request({ method: 'POST', path: '/', body, signal });
    await until(() => body.closed);
    for (let turns = 0; turns < 5; turns += 1) await turn();
    abort();
    await expect(pending).rejects.toMatchObject({ code: 'client_aborted' });
  });
  expect(uncaught).toEqual([]);
});

test.each([Object.create(null), Symbol('enough')])(
  'a body that fails with what has no words fails its request',
  async (reason) => {
    const { backend } = await backendOf();
    async function* body() {
      yield 'x';
      await Promise.reject(reason);
    }
    await expect(backend.request({ method: 'POST', path: '/', body: body() })).rejects.toMatchObject({
      code: 'client_aborted',
      cause: reason,
    });
  },
);

test('a generator is the body of one request: a repetition by the app is refused, not sent with an empty one', async () => {
  const { backend, origin } = await backendOf(({ request }) => [
    execute(),
    request.path === '/lost' ? close() : answer(),
  ]);
  const once = pieces('an order');
  const lost = backend.request({ method: 'POST', path: '/lost', body: once });
  await expect(lost).rejects.toMatchObject({ code: 'connection_terminated', delivery: 'unknown' });
  const repeated = backend.request({ method: 'POST', path: '/', body: once });
  await expect(repeated).rejects.toMatchObject({ code: 'http_request_error', delivery: 'unsent' });
  const list = ['an ', 'order'];
  await backend.request({ method: 'POST', path: '/first', body: list });
  await backend.request({ method: 'POST', path: '/second', body: list });
  expect(origin.requests.map((request) => [request.path, bodyOf(request)])).toEqual([
    ['/lost', 'an order'],
    ['/first', 'an order'],
    ['/second', 'an order'],
  ]);
});

describe('a body whose memory is given away', () => {
  function given(bytes: Uint8Array<ArrayBuffer>): Uint8Array {
    structuredClone(bytes, { transfer: [bytes.buffer] });
    return bytes;
  }

  test('before is refused', async () => {
    const { backend } = await backendOf();
    const pending = backend.request({ method: 'POST', path: '/', body: given(new Uint8Array(8)) });
    await expect(pending).rejects.toMatchObject({ code: 'http_request_error' });
  });

  test.each([8, 100_000])('before it is sent fails its request, and no other (%i bytes)', async (size) => {
    const { backend } = await backendOf();
    const body = new Uint8Array(size);
    const pending = backend.request({ method: 'POST', path: '/', body });
    given(body);
    await expect(pending).rejects.toMatchObject({ code: 'http_request_error' });
    expect((await backend.request({ path: '/' })).statusCode).toBe(200);
    expect(backend.stats().origins[0]?.connections.busy).toBe(0);
  });
});
