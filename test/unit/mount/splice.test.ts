import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { Tunnel } from '../../../src/connection/tunnel.js';
import { Splice } from '../../../src/mount/upgrade/splice.js';
import { ManualClock, type MemorySocket, memorySockets } from '../../../src/testing/index.js';
import { Deadlines } from '../../../src/time/deadlines.js';

/** A splice between two sockets in memory, and its time. */
class Joint {
  readonly clock = new ManualClock();
  readonly deadlines = new Deadlines(this.clock);
  readonly client: MemorySocket; // the far end of the client's connection
  readonly origin: MemorySocket; // the far end of the origin's connection
  readonly nearClient: MemorySocket;
  readonly nearOrigin: MemorySocket;
  readonly splice: Splice;
  over = 0;
  atClient = '';
  atOrigin = '';

  constructor(limits = { idleTimeout: 1_000, maxDuration: 10_000 }, first = '') {
    [this.nearClient, this.client] = memorySockets();
    const window = Buffer.alloc(65_536);
    let tunnel: Tunnel | undefined;
    const receive = (count: number) => tunnel?.receive(Buffer.from(window.subarray(0, count))) ?? false;
    [this.nearOrigin, this.origin] = memorySockets({ onread: { buffer: window, callback: receive } });
    tunnel = new Tunnel(this.nearOrigin, undefined, () => this.nearOrigin.resetAndDestroy());
    this.nearOrigin.on('close', () => tunnel?.closed()).on('error', () => undefined);
    for (const socket of [this.client, this.origin, this.nearClient]) {
      socket.allowHalfOpen = true;
      socket.on('error', () => undefined);
    }
    this.client.on('data', (bytes: Buffer) => {
      this.atClient += bytes.toString('latin1');
    });
    this.origin.on('data', (bytes: Buffer) => {
      this.atOrigin += bytes.toString('latin1');
    });
    this.splice = new Splice(this.nearClient, tunnel, this.deadlines, limits, () => {
      this.over += 1;
    });
    this.splice.begin(Buffer.from(first));
  }

  get closed(): boolean {
    return this.nearClient.destroyed && this.nearOrigin.destroyed;
  }
}

test('bytes go both ways, those that were there first before all', async () => {
  const joint = new Joint(undefined, 'first,');
  joint.client.write('client');
  joint.origin.write('origin');
  await turn();
  expect([joint.atOrigin, joint.atClient]).toEqual(['first,client', 'origin']);
});

describe('it is over once both sides have ended', () => {
  test.each(['client', 'origin'] as const)('the %s first', async (side) => {
    const joint = new Joint();
    const other = side === 'client' ? joint.origin : joint.client;
    joint[side].end('last');
    await turn();
    expect([joint.atOrigin, joint.atClient]).toContain('last');
    expect(joint.over).toBe(0);
    other.end('reply');
    await turn();
    await turn();
    expect([joint.atOrigin, joint.atClient].sort()).toEqual(['last', 'reply']);
    expect(joint.over).toBe(1);
    expect(joint.deadlines.size).toBe(0);
  });
});

describe('when one side breaks off, the other goes', () => {
  test.each(['client', 'origin'] as const)('the %s is reset', async (side) => {
    const joint = new Joint();
    joint[side].resetAndDestroy();
    await turn();
    expect(joint.closed).toBe(true);
    expect(joint.over).toBe(1);
    expect(joint.deadlines.size).toBe(0);
  });
});

describe('backpressure', () => {
  test('a client that takes nothing stops the origin', async () => {
    const joint = new Joint();
    joint.nearClient.stopTaking();
    for (let i = 0; i < 100; i += 1) joint.origin.write(Buffer.alloc(10_000));
    await turn();
    expect(joint.nearClient.writableLength).toBeLessThan(100_000);
    joint.nearClient.takeOn();
    for (let turns = 0; turns < 200 && joint.atClient.length < 1_000_000; turns += 1) await turn();
    expect(joint.atClient.length).toBe(1_000_000);
  });

  test('an origin that takes nothing stops the client', async () => {
    const joint = new Joint();
    joint.nearOrigin.stopTaking();
    // Above the high water mark of every Node: 16 KiB in 20, 64 KiB from 22 on.
    joint.client.write(Buffer.alloc(100_000));
    await turn();
    expect(joint.nearClient.isPaused()).toBe(true);
    joint.nearOrigin.takeOn();
    for (let turns = 0; turns < 50 && joint.atOrigin.length < 100_000; turns += 1) await turn();
    expect(joint.nearClient.isPaused()).toBe(false);
    expect(joint.atOrigin.length).toBe(100_000);
  });
});

describe('limits', () => {
  test('silence for idleTimeout ends both sides; those that close are not cut off', async () => {
    const joint = new Joint();
    joint.client.on('end', () => joint.client.end());
    joint.origin.on('end', () => joint.origin.end());
    joint.clock.advance(999);
    await turn();
    expect(joint.nearClient.writableEnded).toBe(false);
    joint.clock.advance(2);
    await turn();
    await turn();
    expect(joint.closed).toBe(true);
    expect(joint.over).toBe(1);
  });

  test.each(['client', 'origin'] as const)('a byte of the %s begins it anew', async (side) => {
    const joint = new Joint();
    for (let i = 0; i < 5; i += 1) {
      joint.clock.advance(900);
      joint[side].write('x');
      await turn();
    }
    expect(joint.nearClient.writableEnded).toBe(false);
    joint.clock.advance(1_001);
    expect(joint.nearClient.writableEnded).toBe(true);
  });

  test('after maxDuration both sides are ended, and cut off a second later', async () => {
    const joint = new Joint({ idleTimeout: Number.POSITIVE_INFINITY, maxDuration: 5_000 });
    joint.clock.advance(5_001);
    await turn();
    expect([joint.nearClient.writableEnded, joint.nearOrigin.writableEnded, joint.closed]).toEqual([true, true, false]);
    joint.client.write('too late');
    joint.origin.write('too late');
    joint.clock.advance(1_001);
    await turn();
    expect([joint.closed, joint.over, joint.atClient, joint.atOrigin]).toEqual([true, 1, '', '']);
  });
});

test.each(['client', 'origin'] as const)(
  'no more than a few hundred bytes wait for %s when they come one by one',
  async (side) => {
    const joint = new Joint();
    const near = side === 'client' ? joint.nearClient : joint.nearOrigin;
    const [from, arrived] =
      side === 'client' ? [joint.origin, () => joint.atClient] : [joint.client, () => joint.atOrigin];
    near.stopTaking();
    for (let at = 0; at < 5_000; at += 1) {
      from.write('x');
      if (at % 100 === 0) await turn();
    }
    await turn();
    expect(near.writableLength).toBeLessThan(500);
    near.takeOn();
    while (arrived().length < 5_000) await turn();
    expect(joint.over).toBe(0);
  },
);
