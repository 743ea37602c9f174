import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, createServer as createHttp2Server, type Http2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import express5 from 'express';
import express4 from 'express4';
import fastify, { type RouteHandlerMethod } from 'fastify';
import helmet from 'helmet';
import type { PooledBackend, StatusHandler } from 'pooled-backend';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { FullReport, Tick } from '../../src/status/report.js';
import { client, listen, serve, startBackend, startOrigin, until } from './setting.js';

async function started(): Promise<{ backend: PooledBackend; url: string }> {
  const backend = startBackend(await startOrigin());
  const url = `http://127.0.0.1:${await serve(backend.statusHandler({ interval: 100 }))}`;
  return { backend, url };
}

/** Listeners of a backend, of all events together. */
function listening(backend: PooledBackend): number {
  return backend.eventNames().reduce((all, name) => all + backend.listenerCount(name), 0);
}

/** A stream of events, read as far as a test wants. */
class Stream {
  readonly response: Response;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #stop: AbortController;
  #text = '';

  private constructor(response: Response, stop: AbortController) {
    if (response.body === null) throw new Error('a stream without a body');
    this.response = response;
    this.#reader = response.body.getReader();
    this.#stop = stop;
  }

  static async open(url: string): Promise<Stream> {
    const stop = new AbortController();
    onTestFinished(() => stop.abort());
    return new Stream(await fetch(url, { signal: stop.signal }), stop);
  }

  /** The next event, `undefined` at the end. */
  async next(): Promise<{ readonly name: string; readonly data: FullReport & Tick } | undefined> {
    for (;;) {
      const found = /event: (\w+)\ndata: (.*)\n\n/.exec(this.#text);
      if (found !== null) {
        this.#text = this.#text.slice(found.index + found[0].length);
        return { name: found[1] ?? '', data: JSON.parse(found[2] ?? '') };
      }
      const { done, value } = await this.#reader.read();
      if (done) return undefined;
      this.#text += Buffer.from(value).toString();
    }
  }

  close(): void {
    this.#stop.abort();
  }
}

describe('the page', () => {
  test('is one document whose script and style carry the nonce of its policy, another one each time', async () => {
    const { url } = await started();
    const nonces = await Promise.all(
      [1, 2].map(async () => {
        const response = await fetch(url);
        const policy = response.headers.get('content-security-policy') ?? '';
        const [, nonce = 'none'] = /script-src 'nonce-([^']+)'/.exec(policy) ?? [];
        const page = await response.text();
        expect([...page.matchAll(/<(script|style) nonce="([^"]+)">/g)].map(([, , one]) => one)).toEqual([nonce, nonce]);
        expect(policy).toContain("default-src 'none'");
        expect(policy).not.toContain('unsafe');
        return nonce;
      }),
    );
    expect(new Set(nonces).size).toBe(2);
  });

  test('asks nothing of anybody else, and knows no path of its own', async () => {
    const { url } = await started();
    const page = await (await fetch(url)).text();
    const addresses = [...page.matchAll(/\b(?:src|href|action)="([^"]*)"/g)].map(([, address]) => address);
    expect(addresses.filter((address) => !/^(\?|#|data:)/.test(address ?? ''))).toEqual([]);
    expect(page.match(/https?:\/\/(?!www\.w3\.org\/)[\w.-]+/g) ?? []).toEqual([]);
  });

  test('has a heading that is text, whatever it says', async () => {
    const backend = startBackend(await startOrigin());
    const port = await serve(backend.statusHandler({ title: '</title><script>' }));
    const page = await (await fetch(`http://127.0.0.1:${port}`)).text();
    expect(page).toContain('<title>&lt;/title&gt;&lt;script&gt;</title>');
    expect(page.match(/<script/g)?.length).toBe(1);
  });

  test('is never kept, sniffed or framed', async () => {
    const { headers } = await fetch((await started()).url);
    expect(Object.fromEntries(headers)).toMatchObject({
      'cache-control': 'no-store, no-transform',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
    });
  });

  test('keeps its own policy behind helmet', async () => {
    const app = express5().use(helmet(), startBackend(await startOrigin()).statusHandler());
    const response = await fetch(`http://127.0.0.1:${await serve(app)}`);
    expect(response.headers.get('content-security-policy')).toMatch(/script-src 'nonce-/);
  });
});

describe('formats', () => {
  test.each([
    ['/?format=json', '*/*', 'application/json; charset=utf-8'],
    ['/;json', '*/*', 'application/json; charset=utf-8'],
    ['/any/path', 'application/json', 'application/json; charset=utf-8'],
    ['/?format=csv', 'text/html', 'text/plain; charset=utf-8'],
    ['/;csv', 'text/html', 'text/plain; charset=utf-8'],
    ['/status;csv;norefresh', 'text/html', 'text/plain; charset=utf-8'],
    ['/haproxy?stats;csv', 'text/html', 'text/plain; charset=utf-8'],
    ['/?;json', 'text/html', 'application/json; charset=utf-8'],
    ['/;csv?x=1', 'text/html', 'text/plain; charset=utf-8'],
    ['/', '*/*', 'text/html; charset=utf-8'],
    ['/', 'text/html,application/json', 'text/html; charset=utf-8'],
    ['/?format=html', 'application/json', 'text/html; charset=utf-8'],
  ])('%s with Accept: %s is %s', async (path, accept, type) => {
    const response = await fetch((await started()).url + path, { headers: { accept } });
    expect([response.status, response.headers.get('content-type')]).toEqual([200, type]);
  });

  test('JSON is the state of now', async () => {
    const { backend, url } = await started();
    await (await backend.request({ path: '/' })).body.text();
    const report = (await (await fetch(`${url}?format=json`)).json()) as FullReport;
    expect(report).toMatchObject({ version: 1, state: 'open', title: 'pooled-backend', origins: [{ requests: 1 }] });
    expect(report.origins[0]?.slots).toMatchObject([{ slot: 0, state: 'idle', exchanges: 1 }]);
  });

  test.each(['xml', 'toString', ''])('another one is refused: %j', async (format) => {
    expect((await fetch(`${(await started()).url}?format=${format}`)).status).toBe(400);
  });
});

describe('methods', () => {
  test.each(['?format=html', '?format=json', '?format=csv', '?format=events'])(
    'HEAD of %s has the fields and no body',
    async (query) => {
      const { backend, url } = await started();
      const response = await fetch(url + query, { method: 'HEAD' });
      expect([response.status, await response.text()]).toEqual([200, '']);
      expect(listening(backend)).toBe(0);
    },
  );

  test.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('%s is refused', async (method) => {
    const response = await fetch((await started()).url, { method });
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });
});

describe('the stream of events', () => {
  test('begins with all that is known, goes on with what changes, and leaves no listener', async () => {
    const { backend, url } = await started();
    const stream = await Stream.open(`${url}?format=events`);
    const first = await stream.next();
    const during = listening(backend);
    await (await backend.request({ path: '/' })).body.text();
    let requests = 0;
    while (requests === 0) {
      const tick = await stream.next();
      expect(tick?.name).toBe('tick');
      requests = tick?.data.report.origins[0]?.requests ?? 0;
    }
    stream.close();
    await until(() => listening(backend) === 0);
    expect([first?.name, during > 0, requests]).toEqual(['full', true, 1]);
    expect(first?.data).toMatchObject({ history: [expect.anything()], news: [] });
    expect(stream.response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
  });

  test('ends when the backend is closed, and does not begin again', async () => {
    const { backend, url } = await started();
    const stream = await Stream.open(`${url}?format=events`);
    await stream.next();
    await backend.close();
    const last = await stream.next();
    expect([last?.data.report, await stream.next()]).toMatchObject([{ state: 'closed' }, undefined]);
    expect((await fetch(`${url}?format=events`)).status).toBe(204);
    expect(listening(backend)).toBe(0);
  });

  test('tells whoever reads the last, however much that is', async () => {
    const backend = startBackend(await startOrigin());
    const handler = backend.statusHandler({ title: 'x'.repeat(200_000), interval: 100 });
    const stream = await Stream.open(`http://127.0.0.1:${await serve(handler)}?format=events`);
    await stream.next();
    await stream.next();
    await backend.close();
    let last = await stream.next();
    for (let event = last; event !== undefined; event = await stream.next()) last = event;
    expect(last?.data.report.state).toBe('closed');
  });

  test('that nobody reads ends with the backend, and the server with it', async () => {
    const backend = startBackend(await startOrigin());
    const server = createServer(backend.statusHandler({ title: 'x'.repeat(16_000_000) })); // more than the kernel holds
    const watcher = await client(await listen(server));
    watcher.socket.pause();
    watcher.write('GET /?format=events HTTP/1.1\r\nHost: a\r\n\r\n');
    await until(() => listening(backend) > 0);
    const closed = once(server, 'close');
    server.close();
    await backend.close();
    await closed;
  });

  test('of a backend that was closed before does not begin', async () => {
    const backend = startBackend(await startOrigin());
    await backend.close();
    const url = `http://127.0.0.1:${await serve(backend.statusHandler())}`;
    expect((await fetch(`${url}?format=events`)).status).toBe(204);
    expect(await (await fetch(`${url}?format=json`)).json()).toMatchObject({ state: 'closed' });
  });

  test('is refused to one too many, who may poll', async () => {
    const { url } = await started();
    const streams = await Promise.all(Array.from({ length: 64 }, () => Stream.open(`${url}?format=events`)));
    const refused = await fetch(`${url}?format=events`);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '10']);
    expect((await fetch(`${url}?format=json&watch`)).status).toBe(200);
    for (const stream of streams) stream.close();
  });

  test('that nobody watched costs nothing, however often the page and the data are fetched', async () => {
    const { backend, url } = await started();
    for (const query of ['', '?format=json', '?format=csv']) await (await fetch(url + query)).text();
    expect(listening(backend)).toBe(0);
  });
});

describe('is mounted', () => {
  test.each([
    ['Express 4', express4],
    ['Express 5', express5],
  ])('in %s under any path', async (_name, express) => {
    const backend = startBackend(await startOrigin());
    const app = express().use('/ops/pool', backend.statusHandler());
    const url = `http://127.0.0.1:${await serve(app)}/ops/pool`;
    const types = await Promise.all(
      ['', '/', '?format=json', '/;csv'].map(async (tail) => (await fetch(url + tail)).headers.get('content-type')),
    );
    expect(types.map((type) => type?.split(';')[0])).toEqual([
      ...['text/html', 'text/html', 'application/json', 'text/plain'],
    ]);
  });

  test.each<[string, (status: StatusHandler) => RouteHandlerMethod]>([
    ['as the handler of a route', (status) => status],
    [
      'with reply.hijack()',
      (status) => (request, reply) => {
        reply.hijack();
        status(request.raw, reply.raw);
      },
    ],
  ])('in Fastify, %s', async (_name, handlerOf) => {
    const backend = startBackend(await startOrigin());
    const app = fastify();
    onTestFinished(() => app.close());
    app.get('/ops/pool', handlerOf(backend.statusHandler()));
    const url = `${await app.listen({ port: 0, host: '127.0.0.1' })}/ops/pool`;
    expect(await (await fetch(`${url}?format=json`)).json()).toMatchObject({ version: 1 });
    const stream = await Stream.open(`${url}?format=events`);
    expect((await stream.next())?.name).toBe('full');
    stream.close();
  });

  test('in node:http2', async () => {
    const backend = startBackend(await startOrigin());
    const status = backend.statusHandler();
    const server: Http2Server = createHttp2Server((req, res) => status(req, res));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    onTestFinished(() => {
      session.destroy();
      server.close();
    });
    const stream = session.request({ ':path': '/?format=json' });
    let text = '';
    for await (const piece of stream.setEncoding('utf8')) text += piece;
    expect(JSON.parse(text).version).toBe(1);
  });
});

test.each([
  [{ interval: 99 }, RangeError, 'interval must be an integer from 100 to 5000'],
  [{ title: 5 }, TypeError, 'title must be a string'],
  [{ actions: true }, TypeError, 'actions must be a function'],
  [{ action: () => true }, TypeError, 'unknown option action'],
])('a bad option throws at once: %j', async (options, kind, message) => {
  const backend = startBackend(await startOrigin());
  expect(() => backend.statusHandler(options as never)).toThrow(kind);
  expect(() => backend.statusHandler(options as never)).toThrow(message);
});
