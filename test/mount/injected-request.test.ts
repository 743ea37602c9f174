/** Requests and responses that no server has made: those of the adapters of a cloud, and of kits for tests. */

import { IncomingMessage, ServerResponse } from 'node:http';
import { PassThrough } from 'node:stream';
import { answer, execute, inform, type Step } from 'pooled-backend/testing';
import { expect, test } from 'vitest';
import { startBackend, startOrigin } from './setting.js';

/** As serverless-http makes one: with fields by name alone, and what is no socket. */
function cloudRequest(headers: IncomingMessage['headers'], method = 'GET'): IncomingMessage {
  const req = new IncomingMessage(new PassThrough() as never);
  return Object.assign(req, { method, url: '/a', httpVersion: '1.1', httpVersionMajor: 1, complete: true, headers });
}

/** As it makes one: what is written to it is text in UTF-8, or bytes. Resolves to the body. */
function cloudResponse(req: IncomingMessage): { readonly res: ServerResponse; readonly body: Promise<string> } {
  const res = new ServerResponse(req);
  const written: Buffer[] = [];
  const nothing = () => undefined;
  const write = (data: string | Uint8Array, _encoding: unknown, done?: () => void) => {
    written.push(Buffer.from(data as string));
    done?.();
    return true;
  };
  const same = { removeListener: nothing, destroy: nothing, cork: nothing, uncork: nothing };
  res.assignSocket({ writable: true, _writableState: {}, on: nothing, ...same, write } as never);
  const body = new Promise<string>((resolve) => {
    res.once('finish', () => resolve(Buffer.concat(written).toString().split('\r\n\r\n').slice(1).join('\r\n\r\n')));
  });
  return { res, body };
}

async function relayed(script: readonly Step[], req: IncomingMessage) {
  const origin = await startOrigin({ script: () => [...script] });
  const { res, body } = cloudResponse(req);
  startBackend(origin).handler()(req, res);
  return { origin, body: await body };
}

test.each([
  ['serverless-http', []],
  ['@hapi/shot', undefined],
])('fields that are there by name alone, as %s has them, come to the origin', async (_who, rawHeaders) => {
  const req = cloudRequest({
    host: 'api.test',
    authorization: 'Bearer x',
    'x-many': ['1', '2'] as never,
    connection: 'x-hop',
    'x-hop': 'own',
    'x-forwarded-for': '6.6.6.6',
  });
  const { origin } = await relayed([execute(), answer()], Object.assign(req, { rawHeaders }));
  const fields = origin.requests[0]?.rawHeaders ?? [];
  const valuesOf = (name: string) => fields.filter((_, i) => i % 2 === 1 && fields[i - 1]?.toLowerCase() === name);
  expect(valuesOf('host')).toEqual(['api.test']);
  expect(valuesOf('authorization')).toEqual(['Bearer x']);
  expect(valuesOf('x-many')).toEqual(['1', '2']);
  expect(valuesOf('x-hop')).toEqual([]);
  expect(valuesOf('x-forwarded-for')).toEqual(['unknown']);
});

test('bytes above ASCII stay what they are', async () => {
  const { body } = await relayed([execute(), answer({ body: Buffer.from('café €') })], cloudRequest({ host: 'a' }));
  expect(body).toBe('café €');
});

test('an interim response is no part of the body', async () => {
  const script = [inform(103, { Link: '</a.css>' }), execute(), answer({ body: 'ok' })];
  const { body } = await relayed(script, cloudRequest({ host: 'a' }));
  expect(body).toBe('ok');
});

test('a request without a socket, or a response that does not know it, is refused by name', async () => {
  const handle = startBackend(await startOrigin()).handler();
  const bare = new IncomingMessage(null as never);
  expect(() => handle(bare, new ServerResponse(bare))).toThrow(/the request has no socket/);
  const req = cloudRequest({ host: 'a' });
  const { res } = cloudResponse(req);
  Object.assign(res, { req: undefined });
  const told = await new Promise((resolve) => handle(req, res, resolve));
  expect(told).toMatchObject({ code: 'proxy_internal_error', message: expect.stringContaining('res.req') });
});

test('a handler that was put where upgradeHandler() belongs says so', async () => {
  const handle = startBackend(await startOrigin()).handler();
  const upgrade = () => handle(cloudRequest({ host: 'a' }), new PassThrough() as never, Buffer.alloc(0) as never);
  expect(upgrade).toThrow(/there is upgradeHandler\(\)/);
});
