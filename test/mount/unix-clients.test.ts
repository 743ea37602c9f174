/** Clients that come by a unix socket, from a proxy on the same machine for one: their connections cannot be reset. */

import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { reset, send } from 'pooled-backend/testing';
import { expect, onTestFinished, test } from 'vitest';
import { RawClient } from '../wire/raw-client.js';
import { checkAtRest } from '../wire/setting.js';
import { startBackend, startOrigin } from './setting.js';
import { asking, switching } from './upgrade-setting.js';

test.each([
  ['a response whose end is that of its connection', 'GET / HTTP/1.0\r\n\r\n', 'HTTP/1.1 200 OK\r\n\r\nhalf'],
  ['a tunnel', asking('a'), `${switching('a')}half`],
])('%s that breaks off ends the connection, and not the process', async (_what, request, answer) => {
  const origin = await startOrigin({ script: () => [send(answer), reset()] });
  const backend = startBackend(origin);
  const server = createServer(backend.handler()).on('upgrade', backend.upgradeHandler());
  const folder = mkdtempSync(join(tmpdir(), 'pooled-backend-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  onTestFinished(() => void server.close().closeAllConnections());
  const socketPath = join(folder, 'socket');
  await once(server.listen(socketPath), 'listening');
  const raw = await RawClient.connect({ socketPath });
  onTestFinished(() => raw.destroy());
  raw.write(request);
  expect(await raw.ended()).toBe('fin');
  checkAtRest(backend);
});
