import { AsyncLocalStorage } from 'node:async_hooks';
import { createServer, type ServerResponse } from 'node:http';
import { setImmediate as turn } from 'node:timers/promises';
import type { HandlerOptions } from 'pooled-backend';
import { answer, close, execute, hold, inform, type Rule, type Step } from 'pooled-backend/testing';
import { describe, expect, test } from 'vitest';
import { client, listen, startBackend, startOrigin, until } from './setting.js';

async function mounted(hooks: HandlerOptions, ...steps: readonly Step[]) {
  const rules: readonly Rule[] = steps.length === 0 ? [] : [{ steps: [execute(), ...steps] }];
  const origin = await startOrigin({ rules });
  const backend = startBackend(origin, { spareConnections: false });
  const handler = backend.handler(hooks);
  const port = await listen(createServer(handler).on('checkContinue', handler));
  return { origin, backend, raw: await client(port), port };
}

/** A promise that is kept when the test says so. */
function gate() {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
}

describe('hooks of the request', () => {
  test('may give promises, and come in turn', async () => {
    const order: string[] = [];
    const { origin, raw } = await mounted({
      rewritePath: async (path) => {
        await turn();
        order.push('path');
        return `/v2${path}`;
      },
      onRequestFields: async (fields) => {
        await turn();
        order.push('fields');
        return [...fields, 'X-Added', '1', 'Host', 'other.test', 'Connection', 'x'];
      },
    });
    raw.write('POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi');
    expect((await raw.readResponse()).status).toBe(200);
    expect(order).toEqual(['path', 'fields']);
    expect(origin.requests[0]).toMatchObject({ path: '/v2/a', headers: { 'x-added': '1', host: 'other.test' } });
    expect([origin.requests[0]?.body.toString(), origin.requests[0]?.headers.connection]).toEqual(['hi', 'keep-alive']);
  });

  test('may change the list that they were given, and give nothing', async () => {
    const { origin, raw } = await mounted({
      onRequestFields: async (fields) => {
        fields.push('X-Added', '1');
      },
    });
    await raw.get('/');
    expect(origin.requests[0]?.headers['x-added']).toBe('1');
  });

  test.each(['rewritePath', 'onRequestFields'] as const)(
    '%s that rejects is 500, and nothing is sent, and who watches is told',
    async (hook) => {
      const { origin, backend, raw } = await mounted({ [hook]: () => Promise.reject(new Error('mine')) });
      const told: unknown[] = [];
      backend.on('fail', ({ method, path, error }) => told.push(method, path, error.delivery, error.cause));
      const response = await raw.get('/a?b');
      expect(told).toEqual(['GET', '/a?b', 'unsent', expect.objectContaining({ message: 'mine' })]);
      expect([response.status, response.body.toString()]).toEqual([500, 'proxy_internal_error\n']);
      expect(origin.connectionsAccepted).toBe(0);
    },
  );

  test('that are busy when the backend is closed are waited for', async () => {
    const { opened, open } = gate();
    let asked = false;
    const { backend, raw } = await mounted({
      onRequestFields: (fields) => {
        asked = true;
        return opened.then(() => fields);
      },
    });
    raw.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await until(() => asked);
    const closed = backend.close();
    open();
    expect((await raw.readResponse()).status).toBe(200);
    await closed;
  });

  test('are not waited for any more when their request has failed since', async () => {
    const { backend, raw } = await mounted({ onRequestFields: async (fields) => fields }, close());
    raw.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n');
    expect((await raw.readResponse()).status).toBe(502);
    await backend.close();
    expect(backend.stats().state).toBe('closed');
  });

  test('that are busy when the backend is destroyed are in vain', async () => {
    const { opened, open } = gate();
    let asked = false;
    const { backend, raw, origin } = await mounted({
      onRequestFields: (fields) => {
        asked = true;
        return opened.then(() => fields);
      },
    });
    raw.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await until(() => asked);
    backend.destroy();
    open();
    expect(await raw.readResponse()).toMatchObject({ status: 503, body: Buffer.from('backend_closed\n') });
    expect(origin.requests).toEqual([]);
  });

  test('that give what cannot be sent are 500', async () => {
    const odd = await mounted({ rewritePath: async () => 'no path' });
    expect((await odd.raw.get('/')).status).toBe(500);
    const bad = await mounted({ onRequestFields: async (fields) => [...fields, 'X', 'a\r\nb'] });
    expect((await bad.raw.get('/')).status).toBe(500);
  });

  test('whose client leaves while they are busy send nothing', async () => {
    const { opened, open } = gate();
    const { origin, backend, raw, port } = await mounted({
      rewritePath: async (path) => {
        if (path === '/gone') await opened;
        return path;
      },
    });
    raw.write('GET /gone HTTP/1.1\r\nHost: a\r\n\r\n');
    const other = await client(port);
    expect((await other.get('/other')).status).toBe(200);
    raw.destroy();
    for (let turns = 0; turns < 20; turns += 1) await turn();
    open();
    expect((await other.get('/after')).status).toBe(200);
    expect(origin.requests.map(({ path }) => path)).toEqual(['/other', '/after']);
    expect(backend.stats().inFlight).toBe(0);
  });

  test('leave Expect to the origin', async () => {
    const { origin, raw } = await mounted({ rewritePath: async (path) => path });
    raw.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n');
    expect((await raw.readResponse()).status).toBe(100);
    expect(origin.requests[0]?.headers.expect).toBe('100-continue');
    raw.write('hi');
    expect((await raw.readResponse()).status).toBe(200);
  });
});

describe('onResponseFields', () => {
  const marked: HandlerOptions = {
    onResponseFields: async (fields) => {
      await turn();
      return [...fields, 'X-Marked', '1'];
    },
  };

  test.each([
    ['a length', answer({ body: 'hello' })],
    ['chunks and trailers', answer({ framing: 'chunked', body: ['he', 'llo'], trailers: { 'X-Sum': '1' } })],
    ['nothing', answer({ status: 204 })],
  ])('may give a promise: a body with %s follows its head', async (_what, step) => {
    const { raw } = await mounted(marked, inform(103), step);
    expect((await raw.get('/')).status).toBe(103);
    const response = await raw.readResponse();
    expect([response.headers['x-marked'], response.complete]).toEqual(['1', true]);
    if (response.status === 200) expect(response.body.toString()).toBe('hello');
    expect((await raw.get('/')).status).toBe(103);
  });

  test('holds a large body back while it is busy, and every byte comes', async () => {
    const { opened, open } = gate();
    const body = Buffer.alloc(5_000_000, 'abcdefg');
    const onResponseFields = async (fields: string[]) => {
      await opened;
      return fields;
    };
    const { raw, backend } = await mounted({ onResponseFields }, answer({ body }));
    raw.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await until(() => backend.stats().origins[0]?.connections.busy === 1);
    for (let turns = 0; turns < 50; turns += 1) await turn();
    expect([raw.received.length, backend.stats().spool.bytes]).toEqual([0, 0]);
    open();
    expect((await raw.readResponse()).body.equals(body)).toBe(true);
  });

  test.each([
    ['a body', answer({ body: 'x' })],
    ['no body', answer({ status: 204 })],
    ['a large body', answer({ body: Buffer.alloc(1_000_000) })],
  ])('that rejects is 500, and who watches is told of a failure, not of an answer with %s', async (_what, step) => {
    const { raw, backend } = await mounted({ onResponseFields: () => Promise.reject(new Error('mine')) }, step);
    const told: unknown[] = [];
    backend.on('fail', ({ error }) => told.push(error.code, error.delivery, error.cause));
    backend.on('request', ({ statusCode }) => told.push(statusCode));
    expect((await raw.get('/')).status).toBe(500);
    await until(() => backend.stats().inFlight === 0);
    expect(told).toEqual(['proxy_internal_error', 'answered', expect.objectContaining({ message: 'mine' })]);
    expect(backend.stats().origins[0]?.delivery.answered).toBe(1);
  });

  test('that is busy when the backend is destroyed is in vain, though the whole response is here', async () => {
    const { opened, open } = gate();
    let asked = false;
    const onResponseFields = (fields: string[]) => {
      asked = true;
      return opened.then(() => fields);
    };
    const { raw, backend } = await mounted({ onResponseFields }, answer({ body: 'x' }));
    raw.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await until(() => asked && backend.stats().origins[0]?.connections.busy === 0);
    expect(backend.stats().inFlight).toBe(1);
    backend.destroy();
    open();
    expect((await raw.readResponse()).status).toBe(503);
  });

  test('whose response breaks off meanwhile is 502, since nothing was sent', async () => {
    const { opened, open } = gate();
    const onResponseFields = async (fields: string[]) => {
      await opened;
      return fields;
    };
    const { raw, origin } = await mounted(
      { onResponseFields },
      answer({ body: 'hello', cutBodyAt: 0 }),
      hold(),
      close(),
    );
    raw.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await origin.until(() => origin.connections[0]?.steps.includes('hold') === true);
    await origin.release();
    expect((await raw.readResponse()).status).toBe(502);
    open();
  });

  test('lets a head go at once whose body comes later', async () => {
    const { raw, origin } = await mounted(marked, answer({ body: 'hello', cutBodyAt: 0 }), hold());
    raw.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    expect((await raw.readResponse({ toHead: true })).headers['x-marked']).toBe('1');
    await origin.release();
  });

  test('whose response breaks off meanwhile leaves it to the framework to answer, in its own time', async () => {
    const { opened, open } = gate();
    const origin = await startOrigin({
      rules: [{ steps: [execute(), answer({ body: 'hello', cutBodyAt: 0 }), hold(), close()] }],
    });
    const handler = startBackend(origin).handler({
      onResponseFields: async (fields) => {
        await opened;
        return fields;
      },
    });
    const next = async (res: ServerResponse) => {
      open();
      for (let turns = 0; turns < 5; turns += 1) await turn();
      res.writeHead(418).end();
    };
    const raw = await client(await listen(createServer((req, res) => handler(req, res, () => void next(res)))));
    raw.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await origin.until(() => origin.connections[0]?.steps.includes('hold') === true);
    await origin.release();
    expect((await raw.readResponse()).status).toBe(418);
  });

  test('whose client leaves meanwhile ends the exchange', async () => {
    const { opened, open } = gate();
    const onResponseFields = async (fields: string[]) => {
      await opened;
      return fields;
    };
    const { raw, origin, backend } = await mounted({ onResponseFields }, answer({ body: Buffer.alloc(1_000_000) }));
    raw.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await origin.until(() => origin.executed.size === 1);
    for (let turns = 0; turns < 20; turns += 1) await turn();
    raw.destroy();
    await until(() => backend.stats().inFlight === 0);
    open();
    for (let turns = 0; turns < 20; turns += 1) await turn();
    expect(backend.stats()).toMatchObject({ inFlight: 0, spool: { bytes: 0 } });
  });
});

test('what follows a promise runs in the context of its requester', async () => {
  const storage = new AsyncLocalStorage<string>();
  const seen: unknown[] = [];
  const origin = await startOrigin();
  const handler = startBackend(origin, { maxConnections: 1 }).handler({
    rewritePath: async (path) => {
      await turn();
      return path;
    },
    onRequestFields: (fields) => {
      seen.push(storage.getStore());
      return fields;
    },
    onResponseFields: async (fields, req) => {
      await turn();
      seen.push(`${storage.getStore()} ${req.url}`);
      return fields;
    },
  });
  const port = await listen(createServer((req, res) => storage.run(`of ${req.url}`, () => handler(req, res))));
  await Promise.all(['/1', '/2'].map(async (path) => (await client(port)).get(path)));
  expect(seen.sort()).toEqual(['of /1', 'of /1 /1', 'of /2', 'of /2 /2']);
});
