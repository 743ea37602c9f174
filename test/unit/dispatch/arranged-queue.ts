/** A queue with waiters that have names, at a time that the test sets. */

import { WaitQueue } from '../../../src/dispatch/queue/wait-queue.js';
import { type Fits, Waiter } from '../../../src/dispatch/queue/waiter.js';
import type { Travel } from '../../../src/origin/travel.js';
import { ManualClock } from '../../../src/testing/manual-clock.js';

export class Named extends Waiter {
  readonly name: string;

  constructor(name: string, travel: Travel = 'any') {
    super(travel);
    this.name = name;
  }
}

export const ALL: Fits = { any: true, verified: true, fresh: true, resent: true };
export const NONE: Fits = { any: false, verified: false, fresh: false, resent: false };
export const TRAVELS = ['any', 'verified', 'fresh'] as const;
export const TIMEOUT_MS = 1000;
export const USABLE = 10;

export function arrange({ maxQueue = 100, queueTimeout = TIMEOUT_MS } = {}) {
  const clock = new ManualClock();
  const setting = { clock, options: { maxQueue, queueTimeout } };
  const queue = new WaitQueue<Named>(setting);
  const enter = (name: string, travel: Travel = 'any', timeLeftMs = TIMEOUT_MS) => {
    const waiter = new Named(name, travel);
    const refusal = queue.enqueue(waiter, timeLeftMs, USABLE);
    return { waiter, refusal };
  };
  const comeAgain = (name: string, travel: Travel = 'fresh') => {
    const waiter = new Named(name, travel);
    queue.enqueueReturned(waiter, USABLE);
    return waiter;
  };
  const takeAll = (fits: Fits = ALL) => {
    const names: string[] = [];
    for (let waiter = queue.take(fits); waiter !== undefined; waiter = queue.take(fits)) names.push(waiter.name);
    return names;
  };
  return { clock, setting, queue, enter, comeAgain, takeAll };
}

/** Makes the estimate known: each exchange took `ms`. */
export function observe(queue: WaitQueue<Named>, ms: number, times = 100): void {
  for (let sample = 0; sample < times; sample += 1) queue.estimate.observe(ms);
}
