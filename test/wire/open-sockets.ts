/** How many clients are connected to a server now: as the kernel has it, not as late as the event loop hears of it. */

import { existsSync, readFileSync } from 'node:fs';
import type { Server, Socket } from 'node:net';

const TABLE = '/proc/net/tcp';
const ESTABLISHED = '01'; // include/net/tcp_states.h

/** Whether the kernel can be asked. */
export const canAskKernel = existsSync(TABLE);

export class OpenSockets {
  readonly #port: number;
  readonly #sockets = new Set<Socket>();
  /** The most that were connected at one moment. Looked at whenever there is one more. */
  most = 0;

  constructor(server: Server, port: number) {
    this.#port = port;
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      // Some of those may have gone that the event loop has not heard of: only then does it matter who has.
      if (this.#sockets.size > this.most) this.most = Math.max(this.most, this.count());
    });
  }

  /**
   * Accepted sockets whose clients have not closed them. All of them were open together when the table began to be read: each
   * had been accepted before that, and is found open after it.
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
