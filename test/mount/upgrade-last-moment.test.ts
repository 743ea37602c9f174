/** Tunnels that are broken off in the very turn in which their sides are told of an end, so that the FINs are still on their way. */

import { once } from 'node:events';
import type { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { until } from './setting.js';
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

test('neither side stays open, and close() comes to its end', async () => {
  const { front, far, near } = await openTunnel();
  const closed = front.backend.close();
  while (!near.writableEnded) await undefined; // no turn of the event loop
  front.backend.destroy();
  await until(() => near.closed);
  await closed;
  // The kernel answers what still comes on a connection that was closed with a reset.
  await until(() => {
    far.write('?');
    return far.destroyed;
  });
  expect(far.errored).toMatchObject({ syscall: 'write' });
});
