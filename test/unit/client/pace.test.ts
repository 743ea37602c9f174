import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { ManualClock } from 'pooled-backend/testing';
import { expect, test } from 'vitest';
import { ByteBudget } from '../../../src/client/byte-budget.js';
import { ClientPace, isSmallAhead } from '../../../src/client/pace.js';
import { Deadlines } from '../../../src/time/deadlines.js';

const BYTE = Buffer.from('x');

/** A connection whose client takes nothing until `swallow()`, and then all that waits. */
class Sleeper extends Duplex {
  #taken: (() => void) | undefined;

  constructor() {
    super({ highWaterMark: 16_384 });
  }

  override _read(): void {}

  override _writev(_pieces: unknown, taken: () => void): void {
    this.#taken = taken;
  }

  swallow(): void {
    const taken = this.#taken;
    this.#taken = undefined;
    taken?.();
  }
}

function sleepingClient(length: number | undefined, limits: { spoolBytes: number; total: number }) {
  const [client, req, spool] = [new Sleeper(), new IncomingMessage(new Socket()), new ByteBudget(limits.total)];
  const res = new ServerResponse(Object.assign(req, { httpVersionMajor: 1, httpVersionMinor: 1 }));
  res.assignSocket(client as unknown as Socket);
  res.writeHead(200, length === undefined ? {} : { 'Content-Length': length });
  res.write(BYTE);
  let readOns = 0;
  const paced = { readOn: () => (readOns += 1), cutOff: () => undefined };
  const backend = { deadlines: new Deadlines(new ManualClock()), options: { spoolBytes: limits.spoolBytes }, spool };
  const pace = new ClientPace(backend, Number.POSITIVE_INFINITY, req, res, paced);
  /** Writes bytes one by one until no more should be read. */
  const fill = () => {
    let count = 1;
    while (isSmallAhead(res, BYTE) && pace.writeSmall(BYTE) && count < 100_000) count += 1;
    return count;
  };
  const taken = async () => {
    client.swallow();
    await new Promise((resolve) => setImmediate(resolve));
    return { readOns, held: spool.used };
  };
  return { fill, taken, pace };
}

test.each([
  ['a length', 100_000],
  ['chunks', undefined],
])('of a response with %s that comes byte by byte no more waits than spoolBytes has room for', async (_, length) => {
  const { fill, taken } = sleepingClient(length, { spoolBytes: 65_536, total: 1_000_000 });
  expect(fill()).toBeLessThanOrEqual(128);
  let then = await taken();
  for (let turn = 0; then.held > 0 && turn < 10; turn += 1) then = await taken();
  expect(then).toEqual({ readOns: 1, held: 0 });
});

test('many clients whose responses come byte by byte have room for no more than spoolTotalBytes together', () => {
  const { fill } = sleepingClient(undefined, { spoolBytes: 65_536, total: 10_000 });
  expect(fill()).toBeLessThan(30);
});
