/** What every test of a mount begins and ends with. */

import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo, Server as TcpServer } from 'node:net';
import { onTestFinished } from 'vitest';
import { RawClient } from '../wire/raw-client.js';

export { startBackend, startOrigin } from '../wire/setting.js';

/** A server that is closed with the test. Resolves to its port. */
export async function listen(server: Server | TcpServer): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    if ('closeAllConnections' in server) server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

/** A node:http server of this listener, Express and Connect applications included. */
export function serve(listener: RequestListener): Promise<number> {
  return listen(createServer(listener));
}

/** A client of this port, destroyed with the test. */
export async function client(port: number): Promise<RawClient> {
  const made = await RawClient.connect({ port });
  onTestFinished(() => made.destroy());
  return made;
}

/** Resolves when `holds` is true, asked once a turn of the event loop. The test's own limit ends it. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}
