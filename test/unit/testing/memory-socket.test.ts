import { once } from 'node:events';
import { expect, test } from 'vitest';
import { type MemorySocket, memorySockets } from '../../../src/testing/index.js';

function heard(socket: MemorySocket): string[] {
  const events: string[] = [];
  socket.on('data', (bytes: Buffer) => events.push(bytes.toString()));
  socket.on('end', () => events.push('end'));
  socket.on('error', (error: Error & { code?: string }) => events.push(String(error.code)));
  socket.on('close', () => events.push('close'));
  return events;
}

test('at once, what one end writes is read by the other, both ways', async () => {
  const [near, far] = memorySockets();
  near.write('ping');
  far.write('pong');
  expect([String((await once(far, 'data'))[0]), String((await once(near, 'data'))[0])]).toEqual(['ping', 'pong']);
});

test('by hand, nothing arrives before it is delivered, and then one thing at a time', async () => {
  const [near, far] = memorySockets({ delivery: 'by-hand' });
  const events = heard(near);
  far.write('a');
  far.write('b');
  far.end();
  await turn();
  const before = [...events, far.underway];
  far.deliver(1);
  await turn();
  const one = [...events];
  far.deliver();
  await turn();
  expect({ before, one, all: events }).toEqual({ before: [3], one: ['a'], all: ['a', 'b', 'end', 'close'] });
});

test('a FIN ends both ends, as without allowHalfOpen', async () => {
  const [near, far] = memorySockets();
  const ends = [heard(near), heard(far)];
  far.end();
  await turn();
  expect(ends).toEqual([
    ['end', 'close'],
    ['end', 'close'],
  ]);
});

test('a reset is an ECONNRESET at the other end, and what was on its way is lost', async () => {
  const [near, far] = memorySockets({ delivery: 'by-hand' });
  const events = heard(near);
  far.write('lost');
  far.resetAndDestroy();
  far.deliver();
  await turn();
  expect(events).toEqual(['ECONNRESET', 'close']);
});

test('bytes to a closed end are answered with a reset', async () => {
  const [near, far] = memorySockets({ delivery: 'by-hand' });
  const events = heard(near);
  far.destroy();
  near.write('too late');
  near.deliver();
  far.deliver(1); // the FIN is behind us on the wire
  far.deliver();
  await turn();
  expect(events).toContain('ECONNRESET');
});

test('a refused write is known at once in errored', async () => {
  const [near, far] = memorySockets();
  const events = heard(near);
  const arrived = heard(far);
  near.refuseNextWrite('EPIPE');
  near.write('never');
  const errored = near.errored?.message;
  await turn();
  expect({ errored, events, arrived }).toEqual({
    errored: 'write EPIPE',
    events: ['EPIPE', 'close'],
    arrived: ['end', 'close'],
  });
});

test('a kernel that takes nothing leaves the bytes in writableLength until it takes on', async () => {
  const [near, far] = memorySockets();
  const arrived = heard(far);
  near.stopTaking();
  near.write('one');
  near.write('two');
  const waiting = near.writableLength;
  near.takeOn();
  await turn();
  expect([waiting, near.writableLength, arrived.join('')]).toEqual([6, 0, 'onetwo']);
});

test('onread gets the bytes in its buffer at once, in pieces of its size, until it returns false', () => {
  const buffer = new Uint8Array(4);
  const pieces: string[] = [];
  const [near, far] = memorySockets({
    onread: {
      buffer,
      callback: (count) => {
        pieces.push(Buffer.from(buffer.subarray(0, count)).toString());
        return pieces.length !== 2;
      },
    },
  });
  far.write('abcdefghij');
  const stopped = [...pieces];
  near.resume();
  expect([stopped, pieces]).toEqual([
    ['abcd', 'efgh'],
    ['abcd', 'efgh', 'ij'],
  ]);
});

test('a connection with onread hears the end', async () => {
  const [near, far] = memorySockets({ onread: { buffer: new Uint8Array(8), callback: () => true } });
  const events: string[] = [];
  near.on('end', () => events.push('end'));
  far.end('bye');
  await turn();
  expect(events).toEqual(['end']);
});

test.each(['write', 'end'] as const)('the %s of a connecting socket is sent when it is opened', async (act) => {
  const [near] = memorySockets({ connecting: true, delivery: 'by-hand' });
  if (act === 'write') near.write('early');
  else near.end();
  await new Promise(setImmediate);
  const before = [near.bytesWritten, near.underway];
  near.open();
  expect([before, near.underway]).toEqual([[0, 0], 1]);
});

test('a connecting socket connects when it is opened', () => {
  const [near] = memorySockets({ connecting: true });
  const events: string[] = [];
  near.on('connect', () => events.push('connect'));
  const before = near.connecting;
  near.open();
  expect([before, near.connecting, events]).toEqual([true, false, ['connect']]);
});

test('the settings of a socket can be read back', () => {
  const [near] = memorySockets();
  near.setNoDelay().setKeepAlive(true, 30_000).unref();
  expect([near.noDelay, near.keepAlive, near.referenced]).toEqual([true, 30_000, false]);
});

/** Lets the streams say what they have to say. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
