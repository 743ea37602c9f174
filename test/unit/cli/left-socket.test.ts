import { once } from 'node:events';
import { mkdtempSync, renameSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { removeLeftSocket } from '../../../src/cli/left-socket.js';

test('a socket that another has put in the place of the one left behind stays', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'left-socket-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'gateway.sock');
  const before = createServer().listen(join(folder, 'before.sock'));
  await once(before, 'listening');
  renameSync(join(folder, 'before.sock'), path); // its end would take away what has the name that it was given
  before.close();
  await once(before, 'close');

  const removed = removeLeftSocket(path);
  rmSync(path);
  const server = createServer().listen(path);
  await removed;
  const client = connect(path);
  await once(client, 'connect');
  client.destroy();
  server.close();
  await once(server, 'close');
  expect(client.errored).toBeNull();
});
