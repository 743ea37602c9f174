/** What the tests of mounts have in common. */

import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo, Server as TcpServer } from 'node:net';
import { onTestFinished } from 'vitest';
import { RawClient } from '../wire/raw-client.js';

export { startBackend, startOrigin } from '../wire/setting.js';

/** Lets a server listen. It is closed with the test. Resolves to its port. */
export async function listen(server: Server | TcpServer): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    if ('closeAllConnections' in server) server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

/** Starts a node:http server with this listener, which may be an Express or Connect application. */
export function serve(listener: RequestListener): Promise<number> {
  return listen(createServer(listener));
}

/** A client of this port. It is destroyed with the test. */
export async function client(port: number): Promise<RawClient> {
  const made = await RawClient.connect({ port });
  onTestFinished(() => made.destroy());
  return made;
}

/** Calls `holds` in each turn of the event loop until it returns true. Only the timeout of the test limits it. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}

/** The body of a request, as the origin got it. */
export function bodyOf(request: { readonly body: Uint8Array } | undefined): string {
  return Buffer.from(request?.body ?? []).toString('latin1');
}
