/** The library in a context of its own, as Jest loads it: there the errors of Node are no instances of `Error`. */

import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createContext, runInContext } from 'node:vm';
import type * as Library from 'pooled-backend';
import type * as ForUndici from 'pooled-backend/undici';
import { request } from 'undici';
import { expect, onTestFinished, test } from 'vitest';
import { bundle, CACHE } from '../bundled.js';
import { listen } from '../mount/setting.js';

/** With all that Node adds to the language, as a test environment has it. */
async function inContextOfItsOwn(): Promise<typeof Library & typeof ForUndici> {
  const outfile = join(CACHE, 'vm-context.cjs');
  const contents = "export * from 'pooled-backend'; export * from 'pooled-backend/undici';";
  await bundle({ stdin: { contents, resolveDir: CACHE }, outfile, format: 'cjs' });
  const context = createContext({});
  const known = new Set<unknown>(runInContext('Object.getOwnPropertyNames(globalThis)', context));
  for (const name of Object.getOwnPropertyNames(globalThis)) {
    if (!known.has(name)) Reflect.set(context, name, Reflect.get(globalThis, name));
  }
  const module = { exports: {} };
  const wrapped = runInContext(`(function (module, exports, require) {${await readFile(outfile, 'utf8')}\n})`, context);
  wrapped(module, module.exports, createRequire(outfile));
  return module.exports as typeof Library & typeof ForUndici;
}

test('a body that lasts until the close, and is reset, is told as broken off', async () => {
  const { PooledBackend } = await inContextOfItsOwn();
  const origin = createServer((socket) =>
    socket.once('data', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\nhalf');
      socket.resetAndDestroy();
    }),
  );
  const backend = new PooledBackend(`http://127.0.0.1:${await listen(origin)}`);
  onTestFinished(() => void backend.destroy());
  const { body } = await backend.request({ method: 'POST', path: '/' });
  await expect(body.text()).rejects.toMatchObject({ code: 'http_response_incomplete' });
});

test('undici is told the code of a dial that failed', async () => {
  const { PooledBackend, BackendDispatcher } = await inContextOfItsOwn();
  const taken = createServer();
  const origin = `http://127.0.0.1:${await listen(taken)}`;
  taken.close();
  const backend = new PooledBackend({ origins: [origin], queueTimeout: 100 });
  onTestFinished(() => void backend.destroy());
  const dispatcher = new BackendDispatcher(backend);
  await expect(request(origin, { dispatcher })).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});

test('the error of a lookup of the user keeps its code, and its text in JSON', async () => {
  const { PooledBackend } = await inContextOfItsOwn();
  const gone = Object.assign(new Error('no such name'), { code: 'ENOTFOUND' });
  const connect = {
    lookup: (_host: string, _options: object, done: (error: Error, to: string) => void) => done(gone, ''),
  };
  const backend = new PooledBackend({ origins: ['http://shop.test'], queueTimeout: 100, connect });
  onTestFinished(() => void backend.destroy());
  const failure = backend.request({ path: '/' });
  await expect(failure).rejects.toThrow(/\(in back-off since [\d.]+ s: ENOTFOUND\)/);
  const dial: unknown = await failure.catch(({ cause }) => cause);
  expect(dial).toMatchObject({ code: 'dns_error', cause: gone });
  expect(JSON.parse(JSON.stringify(dial))).toMatchObject({ cause: 'no such name' });
});

test('a body that gives null is a bad request, and one that fails fails with its error', async () => {
  const { PooledBackend, BackendDispatcher } = await inContextOfItsOwn();
  const silent = createServer((socket) => socket.on('error', () => socket.destroy()).resume());
  const origin = `http://127.0.0.1:${await listen(silent)}`;
  const backend = new PooledBackend(origin);
  onTestFinished(() => void backend.destroy());
  const sent = { method: 'POST', path: '/' } as const;
  await expect(backend.request({ ...sent, body: ['a', null as never] })).rejects.toMatchObject({
    code: 'http_request_error',
  });
  const file = () => createReadStream('/no/such/file');
  const failure = await backend.request({ ...sent, body: file() }).catch((error: unknown) => error);
  expect(JSON.parse(JSON.stringify(failure)).cause).toMatch(/^ENOENT: /);
  const dispatcher = new BackendDispatcher(backend);
  await expect(request(origin, { ...sent, body: file(), dispatcher })).rejects.toMatchObject({ code: 'ENOENT' });
});

test('JSON tells of the reason of an abort', async () => {
  const { PooledBackend } = await inContextOfItsOwn();
  const backend = new PooledBackend('http://127.0.0.1:9');
  onTestFinished(() => void backend.destroy());
  const signal = AbortSignal.abort(new DOMException('enough', 'TimeoutError'));
  const failure = await backend.request({ path: '/', signal }).catch((error: unknown) => error);
  expect(JSON.parse(JSON.stringify(failure))).toMatchObject({ code: 'client_aborted', cause: 'enough' });
});
