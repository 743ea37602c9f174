/** Counts the clients that are connected to a server by asking the kernel, because the event loop learns of closes later. */

import { existsSync, readFileSync } from 'node:fs';
import type { Server, Socket } from 'node:net';

const TABLE = '/proc/net/tcp';
const ESTABLISHED = '01'; // include/net/tcp_states.h

/** Whether the kernel can be asked. */
export const canAskKernel = existsSync(TABLE);

export class OpenSockets {
  readonly #port: number;
  readonly #sockets = new Set<Socket>();
  /** The largest number that was connected at the same time. Checked at each new connection. */
  most = 0;

  constructor(server: Server, port: number) {
    this.#port = port;
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      // Some may be closed without the event loop knowing it. The kernel is asked only if that can change the result.
      if (this.#sockets.size > this.most) this.most = Math.max(this.most, this.count());
    });
  }

  /**
   * Number of accepted sockets that their clients have not closed. All of them were open together at the moment when the reading
   * of the table began: each was accepted before it, and found open after it.
   */
  count(): number {
    const open = new Set<string>();
    for (const line of readFileSync(TABLE, 'latin1').split('\n')) {
      // "  sl  local_address rem_address   st ...", addresses as HEX:PORT
      const [, local = '', remote = '', state] = line.trim().split(/\s+/, 4);
      if (state === ESTABLISHED && portOf(local) === this.#port) open.add(String(portOf(remote)));
    }
    return [...this.#sockets].filter(({ remotePort }) => open.has(String(remotePort))).length;
  }
}

function portOf(address: string): number {
  return Number.parseInt(address.slice(-4), 16);
}
