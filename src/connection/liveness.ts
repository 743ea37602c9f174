/** Asks the kernel whether an idle socket is still alive at this moment. */

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

/**
 * The file descriptor of a socket, which Node does not document; -1 if there is none. It is looked up each time: once the socket is closed,
 * the number may belong to another one.
 */
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
 * A close or stray bytes may be in the kernel before the event loop has read them: the busier the loop, the longer. One read of the
 * non-blocking descriptor shows it; EAGAIN means that there is nothing. Bytes that the read finds are taken from the socket, so after any
 * answer but `alive` and `unknown` the socket must be destroyed. Never call this during an exchange, and on TLS never before the first
 * response, because session tickets are bytes too.
 */
export function askKernel(socket: Socket): Liveness {
  const fd = descriptorOf(socket);
  if (fd < 0) return socket.destroyed ? STALE : UNKNOWN;
  // EAGAIN arrives as an exception. With a stack trace it costs 4.7 µs, more where the stack is deep; without one 2.3; and 2.1 without a
  // limit, because then V8 does not even begin a trace. Of these 0.6 are the system call. With read instead of readv it would be 2.6,
  // because Node checks the arguments of read more (bench/micro).
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
 * The reset by which a socket has really ended, although it has emitted 'end'; `undefined` if there was none. If the event loop polls a
 * reset together with the bytes before it, libuv reports an end and asks no further; the kernel still has the error. Without this, a body
 * that was cut off would look like one that lasts until the close.
 */
export function resetError(socket: object): Error | undefined {
  const fd = descriptorOf(socket);
  if (fd < 0) return undefined;
  try {
    readvSync(fd, probes);
  } catch (error) {
    // In a vm context, where Jest loads the library, Node's errors are not instances of Error.
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
 * Whether the bytes found on an idle TLS connection are an alert: the polite way to close. Up to TLS 1.2 the type of the record says so; in
 * TLS 1.3 only its length does, which no HTTP could have.
 */
export function isClosingAlert(bytes: Buffer): boolean {
  if (bytes.length < 5 || bytes.length > LONGEST_ALERT_BYTES) return false;
  const length = bytes.readUInt16BE(3);
  if (bytes.length !== 5 + length) return false;
  return bytes[0] === RECORD_ALERT || (bytes[0] === RECORD_ENCRYPTED && length === ALERT_BYTES_1_3);
}

let kernelAnswers: boolean | undefined;

/**
 * Whether the kernel can be asked on this platform. This is found out once, on a socket that has just been opened, and without a read,
 * because the socket may already hold bytes, for example those of TLS itself. Where the kernel cannot be asked, callers wait two turns of
 * the event loop instead (one turn from an I/O callback does not poll again).
 */
export function canAskKernel(justOpened: Socket): boolean {
  if (kernelAnswers !== undefined) return kernelAnswers;
  const fd = descriptorOf(justOpened);
  if (fd < 0 && justOpened.destroyed) return false; // says nothing about the platform
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
