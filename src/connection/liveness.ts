/** Asks the kernel, now, whether an idle socket still is what we think it is. */

import { readSync } from 'node:fs';
import type { Socket } from 'node:net';

/**
 * `alive`: nothing to read. `stale`: the origin has closed. `poisoned`: bytes that nobody asked for, `bytes` has their
 * beginning. `unknown`: the kernel cannot be asked here.
 */
export type Liveness =
  | { readonly name: 'alive' | 'stale' | 'unknown' }
  | { readonly name: 'poisoned'; readonly bytes: Buffer };

const ALIVE: Liveness = { name: 'alive' };
const STALE: Liveness = { name: 'stale' };
const UNKNOWN: Liveness = { name: 'unknown' };

const probe = Buffer.alloc(512);

/** The descriptor below a socket, which Node does not document. */
function descriptorOf(socket: Socket): number {
  const handle: unknown = Reflect.get(socket, '_handle');
  if (typeof handle !== 'object' || handle === null) return -1;
  const fd: unknown = Reflect.get(handle, 'fd');
  return typeof fd === 'number' ? fd : -1;
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

/**
 * A close or stray bytes may lie in the kernel while the event loop has not read them, and the busier the loop, the
 * longer. One read of the non-blocking descriptor tells: EAGAIN is silence. Bytes that it finds are taken from the
 * socket, so any answer but `alive` and `unknown` must be followed by destroying it. Never during an exchange, and on
 * TLS never before the first response: session tickets are bytes too.
 */
export function askKernel(socket: Socket): Liveness {
  const fd = descriptorOf(socket);
  if (fd < 0) return socket.destroyed ? STALE : UNKNOWN;
  // EAGAIN arrives as an exception; collecting its stack took more than half of the 6 to 9 µs.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    const count = readSync(fd, probe, 0, probe.length, null);
    return count === 0 ? STALE : { name: 'poisoned', bytes: Buffer.from(probe.subarray(0, count)) };
  } catch (error) {
    const code = codeOf(error);
    return code === 'EAGAIN' || code === 'EWOULDBLOCK' ? ALIVE : STALE;
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

let kernelAnswers: boolean | undefined;

/**
 * Whether this platform lets the kernel be asked: found out once, on a socket that has just been opened. Where it does
 * not, callers wait two turns of the event loop instead (from an I/O callback, one turn does not poll again).
 */
export function canAskKernel(justOpened: Socket): boolean {
  if (kernelAnswers !== undefined) return kernelAnswers;
  if (process.platform === 'win32') kernelAnswers = false;
  else {
    const { name } = askKernel(justOpened);
    if (name === 'alive') kernelAnswers = true;
    else if (name === 'unknown') kernelAnswers = false;
    // Closed or talking already: true of this socket, says nothing of the platform.
  }
  return kernelAnswers ?? true;
}
