/** What pieces of code cost as the numbers of slots, waiters, origins or fields grow. */

import { leastBusy } from '../../src/balance/least-busy.js';
import { WaitQueue } from '../../src/dispatch/queue/wait-queue.js';
import { Waiter } from '../../src/dispatch/queue/waiter.js';
import { readWindow } from '../../src/http1/llhttp.js';
import { FIXED_LIMITS } from '../../src/http1/parser-limits.js';
import { ResponseParser } from '../../src/http1/response-parser.js';
import { Pool } from '../../src/pool/pool.js';
import { systemClock } from '../../src/time/clock.js';
import type { Case } from './measure.js';
import { repeated, seen } from './values.js';

/** A piece of code at several sizes, smallest first. */
export interface Growth {
  readonly name: string;
  readonly of: string;
  readonly sizes: readonly number[];
  at(size: number): Case | Promise<Case>;
}

class Somebody extends Waiter {}

const ANY = { any: true, verified: true, fresh: true, resent: true };
const HOUR_MS = 3_600_000;

export const GROWTHS: readonly Growth[] = [
  { name: 'checkout and release', of: 'slots', sizes: [10, 100, 1000, 10_000], at: lending },
  { name: 'enqueue and leave', of: 'waiters', sizes: [0, 100, 10_000, 100_000], at: leaving },
  { name: 'enqueue and take', of: 'waiters', sizes: [0, 100, 10_000, 100_000], at: taking },
  { name: 'pick, least-busy', of: 'origins', sizes: [1, 10, 100, 1000], at: picking },
  { name: 'parse a response', of: 'fields', sizes: [5, 10, 25, 50, 100], at: parsing },
];

async function lending(size: number): Promise<Case> {
  const pool = new Pool<object>({ size, onFree: () => undefined });
  await new Promise<void>((resolve) => setImmediate(resolve)); // the pool makes its slots in microtasks
  const slots = Array.from({ length: size }, () => pool.checkout('empty'));
  for (const slot of slots) {
    if (slot === undefined) throw new Error('the pool has fewer slots than it was made for');
    pool.startDial(slot);
    pool.fill(slot, {});
    pool.markUsed(slot);
    pool.release(slot);
  }
  return repeated('', () => {
    const lent = pool.checkout('recent');
    if (lent !== undefined) pool.release(lent);
  });
}

function queueOf(size: number): WaitQueue<Somebody> {
  const options = { maxQueue: Number.POSITIVE_INFINITY, queueTimeout: HOUR_MS };
  const queue = new WaitQueue<Somebody>({ options, clock: systemClock });
  for (let i = 0; i < size; i += 1) queue.enqueue(new Somebody('any'), HOUR_MS, 100);
  return queue;
}

function leaving(size: number): Case {
  const queue = queueOf(size);
  return repeated('', () => {
    const waiter = new Somebody('any');
    queue.enqueue(waiter, HOUR_MS, 100);
    queue.leave(waiter);
  });
}

function taking(size: number): Case {
  const queue = queueOf(size);
  return repeated('', () => {
    queue.enqueue(new Somebody('any'), HOUR_MS, 100);
    seen.last = queue.take(ANY);
  });
}

function picking(size: number): Case {
  const balancer = leastBusy();
  const candidates = Array.from({ length: size }, (_, index) => ({
    origin: `http://10.0.0.${index}`,
    index,
    busy: index % 7,
    idle: 5,
    dialling: 0,
    maxConnections: 100,
    weight: 1,
  }));
  return repeated('', () => {
    seen.last = balancer.pick(candidates);
  });
}

function parsing(size: number): Case {
  const fields = Array.from({ length: size }, (_, at) => `X-Field-${at}: the value of field ${at}\r\n`).join('');
  const response = Buffer.from(`HTTP/1.1 200 OK\r\n${fields}Content-Length: 5\r\n\r\nhello`);
  const window = readWindow();
  const changingAt = response.indexOf('the value');
  let turn = 0;
  const keep = (value: unknown): void => {
    seen.last = value;
  };
  const parser = new ResponseParser(
    { onInformation() {}, onHead: keep, onBody: keep, onEnd: keep },
    { ...FIXED_LIMITS, maxHeaderBytes: 16_384 },
  );
  return repeated('', () => {
    window.set(response);
    window[changingAt] = turn++ & 1 ? 0x54 : 0x74; // a head that is equal to the last one is not parsed again (decision 0048)
    parser.begin('GET');
    parser.readWindow(response.length);
  });
}
