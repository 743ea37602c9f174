import { once } from 'node:events';
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { ByteBudget } from '../../../src/client/byte-budget.js';
import { BodyBuffer } from '../../../src/mount/request/body-buffer.js';
import { collectGarbage } from '../../garbage.js';

/** What is held of a body that comes in these pieces. */
async function collected(pieces: readonly Buffer[], length?: number): Promise<readonly Buffer[]> {
  const req = new IncomingMessage(new Socket());
  let held: readonly Buffer[] = [];
  const outlet = {
    bufferFull: (all: readonly Buffer[]) => {
      held = all;
    },
    bufferOverflowed: () => undefined,
    bufferFailed: () => undefined,
  };
  new BodyBuffer(req, { length, limitBytes: 1_000_000, budget: new ByteBudget(1_000_000) }, outlet).begin();
  for (const piece of pieces) req.push(piece);
  req.complete = true;
  req.push(null);
  await once(req, 'end');
  return held;
}

const numbered = (count: number) => Array.from({ length: count }, (_, at) => Buffer.from([at % 251]));

test.each([
  ['chunks', undefined],
  ['a length', 20_000],
])('a body with %s that comes byte by byte is held in pieces of more than a byte', async (_, length) => {
  const pieces = numbered(20_000);
  const held = await collected(pieces, length);
  expect(held.length).toBeLessThan(500);
  expect(Buffer.concat(held).equals(Buffer.concat(pieces))).toBe(true);
});

test('large pieces are held as they came, small ones between them in their order', async () => {
  const large = Array.from({ length: 70 }, (_, at) => Buffer.alloc(5_000, at));
  const pieces = [...large, ...numbered(200), ...large];
  const held = await collected(pieces);
  expect(large.every((piece) => held.includes(piece))).toBe(true);
  expect(Buffer.concat(held).equals(Buffer.concat(pieces))).toBe(true);
});

test('a small part of a large read does not hold the rest of it', async () => {
  const pieces = Array.from({ length: 40 }, (_, at) => Buffer.alloc(65_536, at).subarray(100, 200));
  const held = await collected(pieces);
  expect(new Set(held.map(({ buffer }) => buffer)).size).toBeLessThan(5);
  expect(Buffer.concat(held).equals(Buffer.concat(pieces))).toBe(true);
});

test('what was given out is not held any more', async () => {
  const req = new IncomingMessage(new Socket());
  const outlet = {
    bufferFull: () => undefined,
    bufferOverflowed: () => undefined,
    bufferFailed: () => undefined,
  };
  const buffer = new BodyBuffer(req, { length: 2_000, limitBytes: 2_000, budget: new ByteBudget(2_000) }, outlet);
  buffer.begin();
  const given = [1, 2].map((byte) => {
    const piece = Buffer.alloc(1_000, byte);
    req.push(piece);
    return new WeakRef(piece);
  });
  req.complete = true;
  req.push(null);
  await once(req, 'end');
  await collectGarbage();
  buffer.release();
  expect(given.map((piece) => piece.deref())).toEqual([undefined, undefined]);
});
