import { answer, close, execute, hold, inform, send } from 'pooled-backend/testing';
import { describe, expect, test } from 'vitest';
import { client, serve, startBackend, startOrigin } from './setting.js';

/** The values of a field in a raw list. */
function valuesOf(raw: readonly string[], name: string): string[] {
  return raw.flatMap((item, index) => (index % 2 === 1 && raw[index - 1]?.toLowerCase() === name ? [item] : []));
}

describe('a response', () => {
  test('has its fields in order and case, cookies one by one, and no hop-by-hop field', async () => {
    const fields = {
      'Set-Cookie': ['a=1', 'b=2'],
      'X-Two': ['1', '2'],
      'x-lower': '\xfc',
      Connection: 'x-hop',
      'X-Hop': '1',
      'Proxy-Authenticate': 'Basic',
    };
    const origin = await startOrigin({
      script: () => [execute(), answer({ status: 299, reason: 'All \xe9', fields, body: 'ok' })],
    });
    const raw = await client(await serve(startBackend(origin).handler()));
    const response = await raw.get('/');
    expect([response.status, response.reason, response.body.toString()]).toEqual([299, 'All \xe9', 'ok']);
    expect(valuesOf(response.rawHeaders, 'set-cookie')).toEqual(['a=1', 'b=2']);
    expect(valuesOf(response.rawHeaders, 'x-two')).toEqual(['1', '2']);
    expect(response.rawHeaders).toContain('x-lower');
    expect(response.headers).toMatchObject({ via: '1.1 pooled-backend', 'x-lower': '\xfc', 'content-length': '2' });
    expect(valuesOf(response.rawHeaders, 'date')).toHaveLength(1);
    for (const name of ['x-hop', 'proxy-authenticate']) expect(response.headers).not.toHaveProperty(name);
  });

  test('that is chunked stays so, trailers included', async () => {
    const origin = await startOrigin({
      script: () => [
        execute(),
        answer({
          framing: 'chunked',
          body: ['he', 'llo'],
          fields: { Trailer: 'X-Sum' },
          trailers: { 'X-Sum': ['1', '\xe9'], Vary: 'a' },
        }),
      ],
    });
    const raw = await client(await serve(startBackend(origin).handler()));
    const response = await raw.get('/');
    expect([response.body.toString(), response.headers.trailer]).toEqual(['hello', 'X-Sum']);
    expect(response.rawTrailers).toEqual(['X-Sum', '1', 'X-Sum', '\xe9']);
  });

  test('to HEAD, 304 and 204 has no body but the length that it tells', async () => {
    const origin = await startOrigin({
      script: ({ request }) => [
        execute(),
        answer({ status: Number(request.path.slice(1)), framing: 'none', fields: { 'Content-Length': '7' } }),
      ],
    });
    const raw = await client(await serve(startBackend(origin).handler()));
    raw.write('HEAD /200 HTTP/1.1\r\nHost: a\r\n\r\n');
    expect((await raw.readResponse({ toHead: true })).headers['content-length']).toBe('7');
    expect((await raw.get('/304')).headers['content-length']).toBe('7');
    expect((await raw.get('/204')).headers).not.toHaveProperty('content-length');
  });

  test('that ends with its connection is chunked for HTTP/1.1 and ends so for HTTP/1.0', async () => {
    const origin = await startOrigin({
      script: () => [execute(), answer({ framing: 'until-close', body: 'all' }), close()],
    });
    const port = await serve(startBackend(origin).handler());
    const raw = await client(port);
    const response = await raw.get('/');
    expect([response.headers['transfer-encoding'], response.body.toString()]).toEqual(['chunked', 'all']);
    const old = await client(port);
    old.write('GET / HTTP/1.0\r\n\r\n');
    expect((await old.readResponse()).body.toString()).toBe('all');
  });

  test('follows its interim responses, in order', async () => {
    const origin = await startOrigin({
      script: () => [
        inform(103, { Link: '</a>; rel=preload' }),
        inform(142, { 'X-a': '\xe9' }),
        execute(),
        answer({ body: 'ok' }),
      ],
    });
    const raw = await client(await serve(startBackend(origin).handler()));
    const [hints, unknown, final] = [await raw.get('/'), await raw.readResponse(), await raw.readResponse()];
    expect([hints.status, hints.headers.link, unknown.status, unknown.rawHeaders, final.status]).toEqual([
      ...[103, '</a>; rel=preload', 142, ['X-a', '\xe9'], 200],
    ]);
  });

  test('has its head sent before its body is there', async () => {
    const origin = await startOrigin({
      script: () => [execute(), send('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n'), hold(), send('body')],
    });
    const raw = await client(await serve(startBackend(origin).handler()));
    raw.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    expect((await raw.bytes(40)).toString()).toContain('200 OK');
    await origin.release();
    expect((await raw.readResponse()).body.toString()).toBe('body');
  });

  test('has every byte of its head as it came, though its body comes later', async () => {
    const origin = await startOrigin({
      script: () => [
        execute(),
        send('HTTP/1.1 200 \xe9\r\nX-A: \xc3\xa9\xff\r\nContent-Length: 4\r\n\r\n'),
        hold(),
        send('body'),
      ],
    });
    const handler = startBackend(origin).handler();
    const touching = serve((req, res) => handler(req, res.setHeader('X-Before', '1')));
    for (const port of [await serve(handler), await touching]) {
      const raw = await client(port);
      raw.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      await raw.bytes(40);
      await origin.release();
      const response = await raw.readResponse();
      expect([response.reason, response.headers['x-a']]).toEqual(['\xe9', '\xc3\xa9\xff']);
    }
  });

  test('that is cut off is cut off for the client too, whatever its framing', async () => {
    for (const framing of ['length', 'chunked'] as const) {
      const origin = await startOrigin({
        script: () => [execute(), answer({ framing, body: 'hello world', cutBodyAt: 8 }), close()],
      });
      const raw = await client(await serve(startBackend(origin).handler()));
      expect((await raw.get('/')).complete).toBe(false);
    }
  });

  test('that is cut off ends with a reset for an HTTP/1.0 client that could not tell otherwise', async () => {
    const origin = await startOrigin({
      script: () => [execute(), answer({ framing: 'chunked', body: 'hello world', cutBodyAt: 8 }), hold(), close()],
    });
    const raw = await client(await serve(startBackend(origin).handler()));
    raw.write('GET / HTTP/1.0\r\n\r\n');
    await raw.bytes(40);
    await origin.release();
    expect(await raw.ended()).toBe('rst');
  });

  test('that is cut off ends so for HTTP/1.0, too, when its length was taken out on the way', async () => {
    for (const fields of [{}, { Connection: 'Content-Length' }]) {
      const origin = await startOrigin({
        script: () => [execute(), answer({ body: 'hello world', fields, cutBodyAt: 8 }), hold(), close()],
      });
      const onResponseFields = (given: string[]) => void given.splice(given.indexOf('Content-Length'), 2);
      const raw = await client(
        await serve(startBackend(origin).handler('Connection' in fields ? {} : { onResponseFields })),
      );
      raw.write('GET / HTTP/1.0\r\n\r\n');
      await raw.bytes(40);
      await origin.release();
      expect(await raw.ended()).toBe('rst');
    }
  });

  test('keeps the bytes of a file name that is not ASCII, though Content-Length comes first', async () => {
    const name = Buffer.from('attachment; filename="é€.pdf"').toString('latin1');
    const origin = await startOrigin({
      script: () => [execute(), send(`HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Disposition: ${name}\r\n\r\nok`)],
    });
    const raw = await client(await serve(startBackend(origin).handler()));
    expect((await raw.get('/')).headers['content-disposition']).toBe(name);
  });

  test('before the request was read whole ends the connection, and the client can read it', async () => {
    const origin = await startOrigin({
      rules: [{ at: 'head', steps: [execute(), answer({ status: 413, body: 'too long' })] }],
    });
    const raw = await client(await serve(startBackend(origin).handler()));
    raw.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n');
    raw.write(Buffer.alloc(3_000_000));
    const response = await raw.readResponse();
    expect([response.status, response.headers.connection, response.body.toString()]).toEqual([
      413,
      'close',
      'too long',
    ]);
    expect(await raw.ended()).toBe('fin');
  });

  test('leaves the connection of its client to the next request', async () => {
    const origin = await startOrigin();
    const raw = await client(await serve(startBackend(origin).handler()));
    raw.write('POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhiGET /2 HTTP/1.1\r\nHost: a\r\n\r\n');
    expect([(await raw.readResponse()).status, (await raw.readResponse()).status]).toEqual([200, 200]);
    expect((await raw.get('/3')).status).toBe(200);
    expect(origin.requests.map((request) => request.path).sort()).toEqual(['/1', '/2', '/3']);
  });
});
