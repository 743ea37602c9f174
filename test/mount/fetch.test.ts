import { EventEmitter, getEventListeners, once } from 'node:events';
import { Readable } from 'node:stream';
import { deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import type { BackendFetchInit, PooledBackend } from 'pooled-backend';
import { answer, close, execute, type Script, send, stall } from 'pooled-backend/testing';
import { expect, test } from 'vitest';
import { collectGarbage } from '../garbage.js';
import { backendOf } from './request-setting.js';
import { startOrigin, until } from './setting.js';

const failureOf = (backend: PooledBackend, path: string, init?: BackendFetchInit) =>
  backend.fetch(path, init).then(
    () => Promise.reject(new Error('it did not fail')),
    (error) => error,
  );

test('a path gives a Response, with what fetch says of it', async () => {
  const { backend, url, origin } = await backendOf(() => [
    execute(),
    answer({
      status: 201,
      reason: 'Made',
      fields: { 'X-A': ['1', '2'], 'Set-Cookie': ['a=1', 'b=2'] },
      body: '{"a":1}',
    }),
  ]);
  const response = await backend.fetch('/items?b=c');
  expect(response).toBeInstanceOf(Response);
  expect([response.status, response.statusText, response.ok]).toEqual([201, 'Made', true]);
  expect([response.url, response.redirected, response.type]).toEqual([`${url}/items?b=c`, false, 'basic']);
  expect([response.headers.get('x-a'), response.headers.getSetCookie()]).toEqual(['1, 2', ['a=1', 'b=2']]);
  expect(await response.json()).toEqual({ a: 1 });
  expect(origin.requests[0]?.headers).toMatchObject({ accept: '*/*', 'accept-encoding': 'gzip, deflate, br' });
});

test('a part is asked for as it is, not compressed', async () => {
  const { backend, origin } = await backendOf();
  await (await backend.fetch('/', { headers: { Range: 'bytes=2-' } })).text();
  expect(origin.requests[0]?.headers).toMatchObject({ range: 'bytes=2-', 'accept-encoding': 'identity' });
});

const stream = () => new Blob(['hello']).stream();
test.each<[string, () => BackendFetchInit, string | undefined, string | undefined]>([
  ['text', () => ({ body: 'hello' }), '5', 'text/plain;charset=UTF-8'],
  ['bytes', () => ({ body: new TextEncoder().encode('hello') }), '5', undefined],
  ['a Blob', () => ({ body: new Blob(['hello'], { type: 'text/x' }) }), '5', 'text/x'],
  ['a stream', () => ({ body: stream(), duplex: 'half' }), undefined, undefined],
])('a body of %s is sent as it is', async (_, init, length, type) => {
  const { backend, origin } = await backendOf();
  await (await backend.fetch('/', { method: 'POST', ...init() })).text();
  const [sent] = origin.requests;
  expect(Buffer.from(sent?.body ?? []).toString()).toBe('hello');
  expect([sent?.headers['content-length'], sent?.headers['content-type']]).toEqual([length, type]);
});

test('a form is sent with its boundary', async () => {
  const { backend, origin } = await backendOf();
  const form = new FormData();
  form.set('a', 'b');
  await (await backend.fetch('/', { method: 'POST', body: form })).text();
  expect(origin.requests[0]?.headers['content-type']).toMatch(/^multipart\/form-data; boundary=/);
  expect(Buffer.from(origin.requests[0]?.body ?? []).toString()).toContain('name="a"\r\n\r\nb\r\n');
});

test('a Request is sent as it is', async () => {
  const { backend, origin, url } = await backendOf();
  const request = new Request(`${url}/a`, { method: 'PUT', body: 'hello', headers: { 'X-A': '1' } });
  await (await backend.fetch(request)).text();
  const [sent] = origin.requests;
  expect([sent?.method, sent?.path, sent?.headers['x-a'], Buffer.from(sent?.body ?? []).toString()]).toEqual([
    'PUT',
    '/a',
    '1',
    'hello',
  ]);
});

test.each<[string, () => NonNullable<BackendFetchInit['body']>]>([
  ['no text', () => ''],
  ['text', () => 'hello'],
  ['text longer than replayBytes', () => 'hello'.repeat(20_000)],
  ['bytes', () => new TextEncoder().encode('hello')],
  ['a Blob', () => new Blob(['hello'])],
])('%s in a Request goes with its length, and again where a redirect asks for it', async (_, body) => {
  const { backend, origin, url } = await backendOf(redirecting);
  const request = new Request(`${url}/307`, { method: 'POST', body: body() });
  expect(await (await backend.fetch(request)).text()).toBe('/to');
  const text = await new Response(body()).text();
  const sent = origin.requests.map((one) => [one.headers['content-length'], Buffer.from(one.body).toString()]);
  expect(sent).toEqual([
    [`${text.length}`, text],
    [`${text.length}`, text],
  ]);
});

test('a form in a Request goes again by its boundary', async () => {
  const { backend, origin, url } = await backendOf(redirecting);
  const body = new FormData();
  body.set('a', 'b');
  await (await backend.fetch(new Request(`${url}/308`, { method: 'POST', body }))).text();
  const [first, second] = origin.requests;
  expect(first?.headers['content-length']).toBe(`${first?.body.length}`);
  expect([second?.headers['content-type'], second?.body]).toEqual([first?.headers['content-type'], first?.body]);
});

/** Given out by hand. */
function byHand() {
  let cancelled: (reason: unknown) => void = () => {};
  const whenCancelled = new Promise<unknown>((resolve) => {
    cancelled = resolve;
  });
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  writer.closed.catch(cancelled);
  return { readable, writer, whenCancelled };
}

test('a stream in a Request is sent piece by piece, and nothing waits for its end', async () => {
  const { backend, origin, url } = await backendOf(redirecting);
  const { readable, writer } = byHand();
  const request = new Request(`${url}/307`, { method: 'POST', body: readable, duplex: 'half' });
  const failure = backend.fetch(request).catch((error: unknown) => error);
  await writer.write(Buffer.from('one, '));
  await origin.until(() => origin.connectionsAccepted === 1);
  await writer.write(Buffer.from('two'));
  await writer.close();
  expect(await failure).toMatchObject({ message: 'cannot follow a 307 redirect: the body was a stream' });
  const [sent] = origin.requests;
  expect([sent?.headers['transfer-encoding'], Buffer.from(sent?.body ?? []).toString()]).toEqual([
    'chunked',
    'one, two',
  ]);
});

test('a stream in a Request is cancelled by an abort, and fails the fetch when it fails', async () => {
  const { backend, origin, url } = await backendOf();
  const abort = new AbortController();
  const { readable, whenCancelled } = byHand();
  const aborted = backend.fetch(
    new Request(url, { method: 'POST', body: readable, duplex: 'half', signal: abort.signal }),
  );
  await origin.until(() => origin.connectionsAccepted === 1);
  const reason = new Error('enough');
  abort.abort(reason);
  await expect(aborted).rejects.toBe(reason);
  await whenCancelled;

  const failing = byHand();
  const failed = backend.fetch(new Request(url, { method: 'POST', body: failing.readable, duplex: 'half' }));
  await failing.writer.abort(reason);
  await expect(failed).rejects.toMatchObject({ cause: { code: 'client_aborted', cause: reason } });
});

/** What ends the process within two turns of the event loop. */
async function thrownWithinTwoTurns(): Promise<unknown[]> {
  const thrown: unknown[] = [];
  const before = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', (error) => thrown.push(error));
  for (let turn = 0; turn < 2; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  process.removeAllListeners('uncaughtException');
  for (const listener of before) process.on('uncaughtException', listener);
  return thrown;
}

test('a generator that was given up comes to its end later, and ends nothing but itself', async () => {
  const { backend } = await backendOf(() => [stall()]);
  const gate = new EventEmitter();
  async function* body() {
    yield Buffer.from('a');
    gate.emit('reached');
    await once(gate, 'opened');
  }
  const reached = once(gate, 'reached');
  const abort = new AbortController();
  const failure = failureOf(backend, '/', { method: 'POST', body: body(), duplex: 'half', signal: abort.signal });
  await reached;
  abort.abort();
  expect(await failure).toBe(abort.signal.reason);
  gate.emit('opened');
  expect(await thrownWithinTwoTurns()).toEqual([]);
});

test('a Readable is sent as it is, and not when somebody else has read it', async () => {
  const { backend, origin } = await backendOf(redirecting);
  const body = () => Readable.from([Buffer.from('he'), 'llo']);
  const init = { method: 'POST', duplex: 'half' } as const;
  await (await backend.fetch('/', { ...init, body: body() })).text();
  expect(Buffer.from(origin.requests[0]?.body ?? []).toString()).toBe('hello');
  const { message } = await failureOf(backend, '/308', { ...init, body: body() });
  expect(message).toBe('cannot follow a 308 redirect: the body was a stream');
  const read = body();
  read.read();
  expect(await failureOf(backend, '/', { ...init, body: read })).toBeInstanceOf(TypeError);
  expect(origin.requests.map(({ path }) => path)).toEqual(['/', '/308']);
});

test.each([204, 205, 304])('a %i has no body', async (status) => {
  const { backend } = await backendOf(() => [
    execute(),
    answer({ status, framing: status === 205 ? 'length' : 'none' }),
  ]);
  const response = await backend.fetch('/');
  expect([response.status, response.body]).toEqual([status, null]);
});

test.each<[string, Uint8Array]>([
  ['gzip', gzipSync('hello')],
  ['deflate', deflateSync('hello')],
  ['deflate', deflateRawSync('hello')],
  ['deflate, gzip', gzipSync(deflateRawSync('hello'))],
])('what is compressed is decoded: %s', async (coding, body) => {
  const { backend } = await backendOf(() => [
    execute(),
    answer({
      framing: 'chunked',
      fields: { 'Content-Encoding': coding },
      body: [body.subarray(0, 1), body.subarray(1)],
    }),
  ]);
  expect(await (await backend.fetch('/')).text()).toBe('hello');
});

test.each<[string, 'length' | 'chunked']>([
  ['gzip', 'length'],
  ['gzip', 'chunked'],
  ['deflate', 'length'],
  ['br', 'chunked'],
  ['gzip, br', 'length'],
])('an empty body that says %s is empty: framing by %s', async (coding, framing) => {
  const { backend } = await backendOf(() => [execute(), answer({ framing, fields: { 'Content-Encoding': coding } })]);
  expect(await (await backend.fetch('/')).text()).toBe('');
});

test.each<[string, Uint8Array]>([
  ['gzip', gzipSync('hello')],
  ['deflate', deflateRawSync('hello')],
])('what is compressed and lacks its end is an error for its reader: %s', async (coding, body) => {
  const { backend } = await backendOf(() => [
    execute(),
    answer({ fields: { 'Content-Encoding': coding }, body: body.subarray(0, -1) }),
  ]);
  await expect((await backend.fetch('/')).text()).rejects.toMatchObject({ message: 'terminated' });
});

test.each<[string, Parameters<typeof answer>[0]]>([
  ['a status that no Response has', { status: 999 }],
  [
    'more codings than anybody needs',
    { fields: { 'Content-Encoding': 'gzip, gzip, gzip, gzip, gzip, gzip' }, body: 'x' },
  ],
])('an answer that cannot be given is no unsent request: %s', async (_, given) => {
  const { backend, origin, url } = await backendOf(() => [execute(), answer(given)]);
  const { cause } = await failureOf(backend, '/pay', { method: 'POST', body: 'x' });
  expect(cause).toMatchObject({ code: 'http_protocol_error', delivery: 'answered', origin: url });
  expect([cause.attempts.length, origin.executions('/pay')]).toEqual([1, 1]);
});

test('what is compressed and cancelled ends the exchange', async () => {
  const { backend } = await backendOf(() => [
    execute(),
    send('HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 999\r\n\r\n'),
    send(gzipSync('hello', { level: 0 })),
    stall(),
  ]);
  const reader = (await backend.fetch('/')).body?.getReader();
  await reader?.read();
  await reader?.cancel();
  await until(() => backend.stats().origins[0]?.connections.open === 0);
});

const redirecting: Script = ({ request: { path } }) => {
  const status = /^\/(30\d)$/.exec(path)?.[1];
  if (status !== undefined) return [execute(), answer({ status: Number(status), fields: { Location: 'to#here' } })];
  if (path === '/round') return [execute(), answer({ status: 302, fields: { Location: '/round' } })];
  if (path === '/out') return [execute(), answer({ status: 302, fields: { Location: 'http://elsewhere.test/' } })];
  if (path === '/secret')
    return [execute(), answer({ status: 302, fields: { Location: '//me:word@elsewhere.test/' } })];
  return [execute(), answer({ body: path })];
};

test.each<[string, number, string, string]>([
  ['POST', 301, 'GET', ''],
  ['POST', 302, 'GET', ''],
  ['POST', 303, 'GET', ''],
  ['PUT', 302, 'PUT', 'hello'],
  ['POST', 307, 'POST', 'hello'],
  ['POST', 308, 'POST', 'hello'],
])('a %s that is redirected by %i is followed by %s', async (method, status, then, body) => {
  const { backend, origin, url } = await backendOf(redirecting);
  const response = await backend.fetch(`/${status}`, { method, body: 'hello', headers: { 'Content-Type': 'text/x' } });
  expect([await response.text(), response.url, response.redirected]).toEqual(['/to', `${url}/to`, true]);
  const sent = origin.requests[1];
  expect([sent?.method, Buffer.from(sent?.body ?? []).toString()]).toEqual([then, body]);
  expect(sent?.headers['content-type']).toBe(then === 'GET' ? undefined : 'text/x');
});

test('a POST whose redirect cannot be followed is not unsent', async () => {
  const { backend, origin } = await backendOf((event) => {
    void backend.close();
    return redirecting(event);
  });
  const { cause } = await failureOf(backend, '/303', { method: 'POST', body: 'x' });
  expect(cause).toMatchObject({ code: 'backend_closed', delivery: 'answered' });
  expect(origin.executions('/303')).toBe(1);
});

test.each<[string, Exclude<BackendFetchInit['body'], undefined>]>([
  ['a Blob', new Blob(['hello'])],
  ['a view of bytes', new DataView(new TextEncoder().encode('hello').buffer)],
])('%s is sent again where a redirect asks for it', async (_, body) => {
  const { backend, origin } = await backendOf(redirecting);
  const response = await backend.fetch('/307', { method: 'POST', body });
  expect(await response.text()).toBe('/to');
  const sent = origin.requests.map((one) => [one.headers['content-length'], Buffer.from(one.body).toString()]);
  expect(sent).toEqual([
    ['5', 'hello'],
    ['5', 'hello'],
  ]);
});

test('a form is sent again, by the boundary that its fields name', async () => {
  const { backend, origin } = await backendOf(redirecting);
  const form = new FormData();
  form.set('a', 'b');
  expect(await (await backend.fetch('/308', { method: 'POST', body: form })).text()).toBe('/to');
  const sent = await Promise.all(
    origin.requests.map(({ body, headers }) => {
      const type = { 'Content-Type': String(headers['content-type']) };
      return new Response(Buffer.from(body), { headers: type }).formData();
    }),
  );
  expect(sent.map((one) => [...one])).toEqual([[['a', 'b']], [['a', 'b']]]);
});

test.each(['multipart/form-data', 'text/x'])('a form keeps a Content-Type of its own: %s', async (type) => {
  const { backend, origin } = await backendOf(redirecting);
  const init = { method: 'POST', body: new FormData(), headers: { 'Content-Type': type } };
  await (await backend.fetch('/307', init)).text();
  expect(origin.requests.map(({ headers }) => headers['content-type'])).toEqual([type, type]);
});

test.each([
  ['in UTF-8', Buffer.from('/gr\u00fc\u00df').toString('latin1'), '/gr%C3%BC%C3%9F'],
  ['in latin1', '/gr\u00fc\u00df', '/gr%C3%BC%C3%9F'],
  ['escaped', '/gr%C3%BC%c3%9f', '/gr%C3%BC%c3%9f'],
])('a redirect to a path beyond ASCII is followed: %s', async (_, location, path) => {
  const { backend, origin } = await backendOf(({ request }) => [
    execute(),
    request.path === '/' ? send(`HTTP/1.1 302 Found\r\nLocation: ${location}\r\nContent-Length: 0\r\n\r\n`) : answer(),
  ]);
  await (await backend.fetch('/')).text();
  expect(origin.requests.map((one) => one.path)).toEqual(['/', path]);
});

test('a redirect is given out, or an error, when that is asked for', async () => {
  const { backend } = await backendOf(redirecting);
  const response = await backend.fetch('/302', { redirect: 'manual' });
  expect([response.status, response.headers.get('location')]).toEqual([302, 'to#here']);
  expect((await failureOf(backend, '/302', { redirect: 'error' })).message).toContain('redirect to to#here');
});

test.each<[string, BackendFetchInit, string]>([
  ['/round', {}, 'more than 20 redirects'],
  ['/out', {}, 'http://elsewhere.test is not an origin of this backend'],
  ['/secret', {}, 'redirected to a URL with credentials'],
  ['/307', { method: 'POST', body: stream(), duplex: 'half' }, 'cannot follow a 307 redirect: the body was a stream'],
  ['http://elsewhere.test/', {}, 'http://elsewhere.test is not an origin of this backend'],
  ['/', { integrity: 'sha256-x' }, 'integrity is not supported'],
  ['/', { method: 'GET', body: 'x' }, 'body'],
])('%s is refused: %j, without a cause', async (path, init, message) => {
  const { backend } = await backendOf(redirecting);
  const failure = await failureOf(backend, path, init);
  expect(failure).toBeInstanceOf(TypeError);
  expect(failure.message).toContain(message);
  expect(failure.cause).toBeUndefined();
});

test('an origin that was added at run time is one of the backend', async () => {
  const { backend } = await backendOf(redirecting);
  const added = await startOrigin();
  backend.origins.add(added.url);
  await Promise.all(backend.origins.names.slice(0, 1).map((name) => backend.origins.remove(name)));
  expect((await backend.fetch(`${added.url}/here`)).status).toBe(200);
  expect((await backend.fetch('/there')).url).toBe(`${added.url}/there`);
});

test('an abort rejects with the reason, also in the body, and closes the connection', async () => {
  const { backend, origin } = await backendOf(({ request: { path } }) =>
    path === '/silent'
      ? [execute(), stall()]
      : [execute(), send('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf'), stall()],
  );
  const abort = new AbortController();
  const waiting = failureOf(backend, '/silent', { signal: abort.signal });
  const body = (await backend.fetch('/half', { signal: abort.signal })).text();
  await origin.until(() => origin.executions('/silent') === 1);
  const reason = new Error('enough');
  abort.abort(reason);
  expect(await waiting).toBe(reason);
  await expect(body).rejects.toBe(reason);
  await until(() => backend.stats().origins[0]?.connections.open === 0);
});

test('an abort is heard though nobody keeps the Request, and collections of garbage have gone by', async () => {
  const { backend, origin, url } = await backendOf(({ request: { path } }) =>
    path === '/silent'
      ? [execute(), stall()]
      : [execute(), send('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf'), stall()],
  );
  const abort = new AbortController();
  const { signal } = abort;
  const reason = new Error('enough');
  const ends = [
    failureOf(backend, '/silent', { signal }),
    backend.fetch(new Request(`${url}/silent`, { signal })).catch((error: unknown) => error),
    (await backend.fetch('/half', { signal })).text().catch((error: unknown) => error),
    (await backend.fetch(new Request(`${url}/half`, { signal }))).text().catch((error: unknown) => error),
  ];
  await origin.until(() => origin.executions('/silent') === 2);
  await collectGarbage();
  abort.abort(reason);
  expect(await Promise.all(ends)).toEqual([reason, reason, reason, reason]);
});

test('a signal keeps nothing of fetches that are over', async () => {
  const { backend, url } = await backendOf(() => [execute(), answer({ body: 'whole' })]);
  const { signal } = new AbortController();
  await (await backend.fetch('/', { signal })).text();
  await (await backend.fetch(new Request(url), { signal })).text();
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});

test('the signal null is none, also for a Request that has one', async () => {
  const { backend, url } = await backendOf(() => [execute(), answer({ body: 'whole' })]);
  const request = new Request(url, { signal: AbortSignal.abort() });
  expect((await backend.fetch(request, { signal: null })).status).toBe(200);
});

test('a signal keeps nothing of a body that nobody can read any more', async () => {
  const { backend } = await backendOf();
  const { signal } = new AbortController();
  expect((await backend.fetch('/', { signal })).ok).toBe(true);
  await collectGarbage();
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});

test('a body that nobody can read any more gives its connection back', async () => {
  const { backend } = await backendOf(() => [
    execute(),
    send('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf'),
    stall(),
  ]);
  expect((await backend.fetch('/')).ok).toBe(true);
  expect((await (await backend.fetch('/')).body?.getReader().read())?.done).toBe(false);
  while (backend.stats().origins[0]?.connections.open !== 0) await collectGarbage();
});

test('an abort is an error for who reads after it, or waits for the end, though the whole body is here', async () => {
  const { backend } = await backendOf(() => [execute(), answer({ body: 'whole' })]);
  const abort = new AbortController();
  const unread = await backend.fetch('/', { signal: abort.signal });
  const reader = (await backend.fetch('/', { signal: abort.signal })).body?.getReader();
  const read = await (await backend.fetch('/', { signal: abort.signal })).text();
  await until(() => backend.stats().origins[0]?.connections.busy === 0);
  const reason = new Error('enough');
  abort.abort(reason);
  await expect(reader?.closed).rejects.toBe(reason);
  await expect(unread.text()).rejects.toBe(reason);
  expect(read).toBe('whole');
});

test('a body that is cancelled ends the exchange', async () => {
  const { backend } = await backendOf(() => [
    execute(),
    send('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf'),
    stall(),
  ]);
  await (await backend.fetch('/')).body?.cancel();
  await until(() => backend.stats().origins[0]?.connections.open === 0);
});

test('a failure names the BackendError, and a POST is executed once', async () => {
  const { backend, origin } = await backendOf(() => [execute(), close()]);
  const failure = await failureOf(backend, '/pay', { method: 'POST', body: 'x' });
  expect(failure).toMatchObject({
    message: 'fetch failed',
    cause: { code: 'connection_terminated', delivery: 'unknown' },
  });
  expect(origin.executions('/pay')).toBe(1);
});

test('idempotent says that a POST may be sent twice', async () => {
  const { backend, origin } = await backendOf(({ connection }) =>
    connection === 0 ? [execute(), close()] : [execute(), answer({ body: 'found' })],
  );
  const response = await backend.fetch('/search', { method: 'POST', body: 'x', idempotent: true });
  expect([await response.text(), origin.executions('/search')]).toEqual(['found', 2]);
});

test('a body that breaks off is an error for its reader', async () => {
  const { backend } = await backendOf(() => [
    execute(),
    send('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf'),
    close(),
  ]);
  await expect((await backend.fetch('/')).text()).rejects.toMatchObject({
    message: 'terminated',
    cause: { code: 'http_response_incomplete' },
  });
});

test.each<[what: string, args: readonly unknown[], named: RegExp]>([
  ['nothing', [], /^fetch\(\) takes a path, a URL or a Request of Node, got undefined$/],
  [
    'an object without a text',
    [{ url: '/' }],
    /^fetch\(\) takes a path, a URL or a Request of Node, got \{ url: '\/' \}$/,
  ],
  ['options that are a number', ['/', 5], /^the options of fetch\(\) must be an object, got 5$/],
  [
    'a timeout of request()',
    ['/', { headersTimeout: 5 }],
    /^fetch\(\) has no option headersTimeout: use backend\.request\(\)/,
  ],
  ['trailers', ['/', { trailers: {} }], /^fetch\(\) has no option trailers/],
])('%s is refused by a TypeError, and nothing is sent', async (_, args, named) => {
  const { backend, origin } = await backendOf();
  const failure = await Reflect.apply(backend.fetch, backend, args).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(TypeError);
  expect(failure).toMatchObject({ message: expect.stringMatching(named) });
  expect(origin.connectionsAccepted).toBe(0);
});

test('names that the standard does not know are passed over, and null is no options', async () => {
  const { backend } = await backendOf();
  const { status } = await backend.fetch('/', { retry: 3 } as BackendFetchInit);
  expect([status, (await backend.fetch('/', null)).status]).toEqual([200, 200]);
});
