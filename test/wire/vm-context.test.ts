/** The library in a context of its own, as Jest loads it: there the errors of Node are no instances of `Error`. */

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
