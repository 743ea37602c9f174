/** Asks the kernel, now, whether an idle socket still is what we think it is. */

import { fstatSync, readvSync } from 'node:fs';
import type { Socket } from 'node:net';
import { isNativeError } from 'node:util/types';

/** What the kernel reports about an idle socket. */
export type Liveness =
  | {
      /** `alive`: nothing to read. `stale`: the origin has closed. `unknown`: the kernel cannot be asked here. */
      readonly name: 'alive' | 'stale' | 'unknown';
    }
  | {
      /** There are unsolicited bytes. */
      readonly name: 'poisoned';
      /** Their beginning: 512 at the most. */
      readonly bytes: Buffer;
    };

const ALIVE: Liveness = { name: 'alive' };
const STALE: Liveness = { name: 'stale' };
const UNKNOWN: Liveness = { name: 'unknown' };

const tracing: { stackTraceLimit: number | undefined } = Error;

const probe = Buffer.alloc(512);
const probes = [probe];

/** The descriptor below a socket, which Node does not document. Asked each time: it may be another's once it is closed. */
export function descriptorOf(socket: object): number {
  if (!('_handle' in socket)) return -1;
  const handle = socket._handle;
  if (typeof handle !== 'object' || handle === null || !('fd' in handle)) return -1;
  return typeof handle.fd === 'number' ? handle.fd : -1;
}

function isSilence(error: unknown): boolean {
  if (typeof error !== 'object' || error === null || !('code' in error)) return false;
  return error.code === 'EAGAIN' || error.code === 'EWOULDBLOCK';
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
  // EAGAIN arrives as an exception. Without a stack it costs 2.3 µs instead of 4.7, and more where the stack is deep; without a
  // limit, for then V8 does not even begin with one, 2.1; of these 0.6 are the system call. With read, whose arguments Node
  // checks more than those of readv, it would be 2.6 (bench/micro).
  const { stackTraceLimit } = tracing;
  limitTraces(undefined);
  try {
    const count = readvSync(fd, probes);
    return count === 0 ? STALE : { name: 'poisoned', bytes: Buffer.from(probe.subarray(0, count)) };
  } catch (error) {
    return isSilence(error) ? ALIVE : STALE;
  } finally {
    limitTraces(stackTraceLimit);
  }
}

function limitTraces(limit: number | undefined): void {
  try {
    tracing.stackTraceLimit = limit;
  } catch {
    // Error is frozen (node --frozen-intrinsics, SES).
  }
}

/**
 * Why a socket that has said its end has not ended well, if so. A reset that is polled in one with the bytes before it is an end to
 * libuv, which asks no more then; the kernel still has the error. What was cut off would pass for a body that lasts until
 * the close.
 */
export function resetError(socket: object): Error | undefined {
  const fd = descriptorOf(socket);
  if (fd < 0) return undefined;
  try {
    readvSync(fd, probes);
  } catch (error) {
    // In a vm context, where Jest loads the library, the errors of Node are no instances of Error.
    if (isNativeError(error) && 'code' in error && error.code === 'ECONNRESET') return error;
  }
  return undefined;
}

const RECORD_ALERT = 21;
const RECORD_ENCRYPTED = 23;
const LONGEST_ALERT_BYTES = 64;
// Two bytes of alert, one of record type, and the tag (RFC 8446 §5.2).
const ALERT_BYTES_1_3 = 19;

/**
 * Whether what is in the kernel of an idle TLS connection is an alert: the polite way to close. Up to TLS 1.2 its record
 * says so; in TLS 1.3 only its length does, which no HTTP could have.
 */
export function isClosingAlert(bytes: Buffer): boolean {
  if (bytes.length < 5 || bytes.length > LONGEST_ALERT_BYTES) return false;
  const length = bytes.readUInt16BE(3);
  if (bytes.length !== 5 + length) return false;
  return bytes[0] === RECORD_ALERT || (bytes[0] === RECORD_ENCRYPTED && length === ALERT_BYTES_1_3);
}

let kernelAnswers: boolean | undefined;

/**
 * Whether this platform lets the kernel be asked: found out once, on a socket that has just been opened, and without a
 * read: it may hold bytes already, those of TLS itself among them. Where it does not, callers wait two turns of the
 * event loop instead (from an I/O callback, one turn does not poll again).
 */
export function canAskKernel(justOpened: Socket): boolean {
  if (kernelAnswers !== undefined) return kernelAnswers;
  const fd = descriptorOf(justOpened);
  if (fd < 0 && justOpened.destroyed) return false; // says nothing of the platform
  kernelAnswers = fd >= 0 && process.platform !== 'win32' && isSocket(fd);
  return kernelAnswers;
}

function isSocket(fd: number): boolean {
  try {
    return fstatSync(fd).isSocket();
  } catch {
    return false;
  }
}
