/** A FIFO answers a non-blocking read as a socket does: EAGAIN, bytes, or 0 when the other end is closed. */

import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { askKernel, canAskKernel, isClosingAlert } from '../../../src/connection/liveness.js';

/** A socket over this descriptor, as far as a liveness check looks. */
function socketOver(fd: number): Socket {
  const socket = new Socket();
  Reflect.set(socket, '_handle', { fd });
  return socket;
}

function fifo(): { socket: Socket; writer: number } {
  const folder = mkdtempSync(join(tmpdir(), 'liveness-'));
  const path = join(folder, 'fifo');
  execFileSync('mkfifo', [path]);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  onTestFinished(() => {
    closeSync(reader);
    rmSync(folder, { recursive: true });
  });
  return { socket: socketOver(reader), writer: openSync(path, 'w') };
}

describe.skipIf(process.platform === 'win32')('the kernel', () => {
  test('alive: there is nothing to read', () => {
    const { socket, writer } = fifo();
    const { stackTraceLimit } = Error;
    expect(askKernel(socket)).toEqual({ name: 'alive' });
    expect(Error.stackTraceLimit).toBe(stackTraceLimit);
    closeSync(writer);
  });

  test('is asked where Error is frozen, too', () => {
    const { socket, writer } = fifo();
    const limit = Object.getOwnPropertyDescriptor(Error, 'stackTraceLimit') ?? {};
    Object.defineProperty(Error, 'stackTraceLimit', { writable: false });
    onTestFinished(() => void Object.defineProperty(Error, 'stackTraceLimit', limit));
    expect(askKernel(socket)).toEqual({ name: 'alive' });
    closeSync(writer);
  });

  test('stale: the other end is closed', () => {
    const { socket, writer } = fifo();
    closeSync(writer);
    expect(askKernel(socket)).toEqual({ name: 'stale' });
  });

  test('poisoned: there are bytes, and they are told, up to 512', () => {
    const { socket, writer } = fifo();
    writeSync(writer, 'x'.repeat(600));
    expect(askKernel(socket)).toEqual({ name: 'poisoned', bytes: Buffer.from('x'.repeat(512)) });
    closeSync(writer);
  });

  test('what was told before is not changed by the next question', () => {
    const { socket, writer } = fifo();
    writeSync(writer, 'first');
    const first = askKernel(socket);
    writeSync(writer, 'other');
    askKernel(socket);
    expect(first).toEqual({ name: 'poisoned', bytes: Buffer.from('first') });
    closeSync(writer);
  });

  test('a descriptor that cannot be read is stale', () => {
    expect(askKernel(socketOver(999_999))).toEqual({ name: 'stale' });
  });
});

test('a socket without a descriptor is unknown, one that was destroyed is stale', () => {
  const destroyed = new Socket();
  destroyed.destroy();
  expect([askKernel(new Socket()).name, askKernel(destroyed).name]).toEqual(['unknown', 'stale']);
});

test('whether the kernel can be asked is not judged by a socket that is gone, nor asked with a read', () => {
  const destroyed = new Socket();
  destroyed.destroy();
  const { socket, writer } = fifo();
  writeSync(writer, 'untouched');
  // No socket lies below a FIFO: no such platform is asked.
  expect([canAskKernel(destroyed), canAskKernel(socket), canAskKernel(socket)]).toEqual([false, false, false]);
  expect(askKernel(socket)).toEqual({ name: 'poisoned', bytes: Buffer.from('untouched') });
  closeSync(writer);
});

describe('an alert of TLS', () => {
  const record = (type: number, length: number, bytes = length) =>
    Buffer.concat([Buffer.from([type, 3, 3, length >> 8, length & 255]), Buffer.alloc(bytes)]);

  test.each([
    ['in the clear', record(21, 2), true],
    ['of TLS 1.2', record(21, 26), true],
    ['of TLS 1.3', record(23, 19), true],
    ['and more behind it', Buffer.concat([record(21, 26), record(23, 40)]), false],
    ['that is not whole', record(21, 26, 10), false],
    ['no: data', record(23, 40), false],
    ['no: data of 512 bytes', Buffer.alloc(512, 21), false],
    ['no: a handshake message', record(22, 19), false],
    ['no: four bytes', Buffer.from([21, 3, 3, 0]), false],
  ])('%s', (_what, bytes, expected) => {
    expect(isClosingAlert(bytes)).toBe(expected);
  });
});
