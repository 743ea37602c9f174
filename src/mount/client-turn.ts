/** The order of answers on a client's connection. */

import { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

/**
 * Calls `call` when everything that the client had asked for before is answered: node:http tells of an upgrade as soon as
 * it has read it, while responses to earlier requests of a pipeline may still be on their way. Never, when the connection
 * ends before.
 */
export function whenItsTurn(socket: Duplex, call: () => void): void {
  if (socket.destroyed || socket.writableEnded) return;
  const before: unknown = Reflect.get(socket, '_httpMessage');
  if (before instanceof ServerResponse) before.once('close', () => whenItsTurn(socket, call));
  else call();
}
