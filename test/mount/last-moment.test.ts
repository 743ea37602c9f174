/** Connections that are broken off in the very turn in which they were ended: the FIN is still on its way. */

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Socket } from 'node:net';
import { hold, send } from 'pooled-backend/testing';
import { expect, test } from 'vitest';
import { client, listen, startBackend, startOrigin, until } from './setting.js';
import { asking, type Front, halfOpenSocket, rawUpgradeOrigin, startFront, switching } from './upgrade-setting.js';

/** A tunnel, its end at the origin, and that of the front. */
async function openTunnel(): Promise<{ front: Front; far: Socket; near: Socket }> {
  const sockets: Socket[] = [];
  const origin = await rawUpgradeOrigin((socket) => {
    sockets.push(socket);
    socket.write(switching('a'));
  });
  const front = await startFront(origin);
  const client = await halfOpenSocket(front.port);
  client.write(asking('a'));
  await once(client, 'readable');
  const [far] = sockets;
  const [near] = front.sockets;
  if (far === undefined || near === undefined) throw new Error('there is no tunnel');
  return { front, far, near };
}

test('neither side of a tunnel stays open, and close() comes to its end', async () => {
  const { front, far, near } = await openTunnel();
  const closed = Promise.all([front.backend.close(), once(near, 'close')]);
  while (!near.writableEnded) await undefined; // no turn of the event loop
  front.backend.destroy();
  await closed;
  // The kernel answers what still comes on a connection that was closed with a reset.
  await until(() => {
    far.write('?');
    return far.destroyed;
  });
  expect(far.errored).toMatchObject({ syscall: 'write' });
});

test('the connection of a client that ends its half as its response breaks off is closed', async () => {
  const origin = await startOrigin({ script: () => [send('HTTP/1.1 200 OK\r\n\r\nhalf'), hold()] });
  const backend = startBackend(origin);
  const server = createServer(backend.handler());
  const closed = new Promise((resolve) => {
    // node:http has ended its half, too, when the second listener is told.
    server.on('connection', (socket) => socket.on('end', () => backend.destroy()).on('close', resolve));
  });
  const raw = await client(await listen(server));
  raw.write('GET / HTTP/1.0\r\n\r\n');
  await raw.bytes(1);
  raw.end();
  await closed;
});
