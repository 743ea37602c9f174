/** The relay against a dispatcher that does what a test says: what the real one does too seldom to wait for. */

import { describe, expect, test } from 'vitest';
import type { Dispatch, Dispatching, OutgoingRequest, Place, ResponseSink } from '../../src/dispatch/request.js';
import { BackendError } from '../../src/errors.js';
import type { ResponseHead } from '../../src/http1/response-head.js';
import { createHandler } from '../../src/mount/handler.js';
import { MountedBackend } from '../../src/mount/mounted-backend.js';
import { handlerOptionsOf, resolveOptions } from '../../src/options.js';
import { systemClock } from '../../src/time/clock.js';
import { Deadlines } from '../../src/time/deadlines.js';
import { client, serve, until } from './setting.js';

class ScriptedDispatching implements Dispatching {
  readonly aborted: BackendError[] = [];
  readonly #play: (sink: ResponseSink, request: OutgoingRequest) => void;

  constructor(play: (sink: ResponseSink, request: OutgoingRequest) => void) {
    this.#play = play;
  }

  dispatch(request: OutgoingRequest, sink: ResponseSink): Dispatch {
    this.#play(sink, request);
    const abort = (reason: BackendError) => {
      this.aborted.push(reason);
      return reason;
    };
    return { attempts: [], resume() {}, abort };
  }

  fail(_request: OutgoingRequest, sink: ResponseSink, error: BackendError): void {
    sink.onFail(error);
  }

  announce(): Place {
    return {
      dispatch: (request, sink) => this.dispatch(request, sink),
      fail: (request, sink, error) => this.fail(request, sink, error),
      leave() {},
    };
  }
}

function handlerOf(dispatching: Dispatching) {
  const options = resolveOptions('http://127.0.0.1:1');
  const fleet = { origins: () => options.origins, names: () => options.origins.map(({ origin }) => origin) };
  const backend = new MountedBackend(options, dispatching, new Deadlines(systemClock), fleet);
  const mount = { backend: backend, options: handlerOptionsOf(undefined)(options) };
  return createHandler(() => mount);
}

const HEAD: ResponseHead = {
  statusCode: 200,
  statusText: 'OK',
  minorVersion: 1,
  rawHeaders: ['Content-Length', '2'],
  framing: { kind: 'length', bytes: 2 },
  persistent: true,
};

describe('a dispatcher', () => {
  test('that refuses at once is answered for', async () => {
    const dispatching = new ScriptedDispatching((sink) => {
      sink.onFail(new BackendError('connection_limit_reached', 'full', { retryAfter: 7 }));
    });
    const response = await (await client(await serve(handlerOf(dispatching)))).get('/');
    expect([response.status, response.headers['retry-after'], dispatching.aborted]).toEqual([503, '7', []]);
  });

  test('that throws is a 500, not the end of the process', async () => {
    const dispatching = new ScriptedDispatching(() => {
      throw new TypeError('broken');
    });
    expect((await (await client(await serve(handlerOf(dispatching)))).get('/')).status).toBe(500);
  });

  test.each<[what: string, Partial<ResponseHead>]>([
    ['a reason above latin1', { statusText: '€' }],
    ['a field with a line break', { rawHeaders: ['X-A', 'a\r\nb'] }],
    ['a status out of bounds', { statusCode: 1000 }],
  ])('whose head node:http refuses for %s is a 502, and is told to stop', async (_what, wrong) => {
    const dispatching = new ScriptedDispatching((sink) => setImmediate(() => sink.onHead({ ...HEAD, ...wrong })));
    const raw = await client(await serve(handlerOf(dispatching)));
    const response = await raw.get('/');
    expect([response.status, response.body.toString()]).toEqual([502, 'http_protocol_error\n']);
    expect(dispatching.aborted).toMatchObject([{ code: 'http_protocol_error' }]);
  });

  test('whose head node:http refuses leaves what a middleware set as it was', async () => {
    const dispatching = new ScriptedDispatching((sink) => {
      setImmediate(() => sink.onHead({ ...HEAD, rawHeaders: ['X-Ok', '1', 'X-Mine', '2', 'X-Bad', 'a\r\nb'] }));
    });
    const handler = handlerOf(dispatching);
    const port = await serve((req, res) => handler(req, res.setHeader('X-Mine', 'mine') && res));
    const response = await (await client(port)).get('/');
    expect([response.status, response.reason, response.headers['x-mine']]).toEqual([502, 'Bad Gateway', 'mine']);
    expect(response.headers).not.toHaveProperty('x-ok');
  });

  test('is aborted once when the client leaves, and not after its end', async () => {
    let sinks: ResponseSink[] = [];
    const dispatching = new ScriptedDispatching((sink) => void sinks.push(sink));
    const port = await serve(handlerOf(dispatching));
    const leaver = await client(port);
    leaver.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await until(() => sinks.length === 1);
    leaver.destroy();
    await until(() => dispatching.aborted.length === 1);
    expect(dispatching.aborted).toMatchObject([{ code: 'client_aborted' }]);

    sinks = [];
    const reader = await client(port);
    reader.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await until(() => sinks.length === 1);
    sinks[0]?.onHead(HEAD);
    sinks[0]?.onBody(Buffer.from('ok'));
    sinks[0]?.onEnd([]);
    expect((await reader.readResponse()).body.toString()).toBe('ok');
    reader.destroy();
    expect((await (await client(await serve((_req, res) => res.end('turns have passed')))).get('/')).status).toBe(200);
    expect(dispatching.aborted).toHaveLength(1);
  });

  test('is given what the client asked for', async () => {
    let seen: OutgoingRequest | undefined;
    const dispatching = new ScriptedDispatching((sink, request) => {
      seen = request;
      sink.onFail(new BackendError('backend_closed', 'closed'));
    });
    const raw = await client(await serve(handlerOf(dispatching)));
    raw.write('PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi');
    expect((await raw.readResponse()).status).toBe(503);
    expect(seen).toMatchObject({
      method: 'PUT',
      path: '/a',
      host: 'a',
      idempotent: undefined,
      nonIdempotent: 'fresh',
      acceptsTrailers: false,
    });
    expect([seen?.body?.length, Buffer.from(seen?.body?.whole ?? []).toString()]).toEqual([2, 'hi']);
  });
});
