import { AsyncLocalStorage } from 'node:async_hooks';
import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ManualClock } from '../../../src/testing/index.js';
import { systemClock } from '../../../src/time/clock.js';
import { type Deadline, Deadlines } from '../../../src/time/deadlines.js';
import { collectGarbage } from '../../garbage.js';

function setting() {
  const clock = new ManualClock();
  const deadlines = new Deadlines(clock);
  const told: string[] = [];
  const create = (name: string): Deadline => deadlines.create(() => told.push(`${name} ${clock.now()}`));
  return { clock, deadlines, told, create };
}

test('a deadline expires at its moment, once, and is clear by then', () => {
  const { clock, deadlines, told } = setting();
  const deadline: Deadline = deadlines.create(() => told.push(`${clock.now()} ${deadline.at} ${deadlines.size}`));
  deadline.set(50);
  clock.advance(49);
  const before = [...told];
  clock.advance(1_000);
  expect([before, told]).toEqual([[], ['50 Infinity 0']]);
});

test('one that was cleared never does', () => {
  const { clock, deadlines, told, create } = setting();
  const deadline = create('a');
  deadline.set(50);
  deadline.clear();
  clock.advance(1_000);
  expect([told, deadline.at, deadlines.size]).toEqual([[], Number.POSITIVE_INFINITY, 0]);
});

test('Infinity clears', () => {
  const { clock, deadlines, told, create } = setting();
  const deadline = create('a');
  deadline.set(50);
  deadline.set(Number.POSITIVE_INFINITY);
  clock.advance(1_000);
  expect([told, deadlines.size]).toEqual([[], 0]);
});

test('the last moment set counts, earlier or later', () => {
  const { clock, told, create } = setting();
  const [later, earlier] = [create('later'), create('earlier')];
  later.set(50);
  later.set(80);
  earlier.set(50);
  earlier.set(20);
  clock.advance(100);
  expect(told).toEqual(['earlier 20', 'later 80']);
});

test('it can be set again from within its own end', () => {
  const { clock, deadlines, told } = setting();
  const deadline: Deadline = deadlines.create(() => {
    told.push(String(clock.now()));
    if (told.length < 3) deadline.set(10);
  });
  deadline.set(10);
  clock.advance(100);
  expect(told).toEqual(['10', '20', '30']);
});

describe('between the sweep and the turn that acts', () => {
  test('what was read meanwhile clears it: an answer in the kernel wins', () => {
    const { clock, told, create } = setting();
    const deadline = create('a');
    deadline.set(50);
    clock.after(50, () => deadline.clear());
    clock.advance(50);
    expect(told).toEqual([]);
  });

  test('or moves it', () => {
    const { clock, told, create } = setting();
    const deadline = create('a');
    deadline.set(50);
    clock.after(50, () => deadline.set(30));
    clock.advance(200);
    expect(told).toEqual(['a 80']);
  });

  test('one end may clear another', () => {
    const { clock, deadlines, told, create } = setting();
    const first = deadlines.create(() => second.clear());
    const second = create('second');
    first.set(50);
    second.set(50);
    clock.advance(100);
    expect(told).toEqual([]);
  });
});

test('an end that throws is seen, and the others come nevertheless', async () => {
  const { clock, deadlines, told, create } = setting();
  const seen = nextUncaught();
  const bad = deadlines.create(() => {
    throw new Error('bad end');
  });
  const good = create('good');
  bad.set(50);
  good.set(50);
  clock.advance(50);
  expect(told).toEqual(['good 50']);
  expect(await seen).toEqual(new Error('bad end'));
});

test('however many there are and however they move, one timer runs', () => {
  const { clock, create } = setting();
  const all = Array.from({ length: 100 }, (_, i) => create(String(i)));
  for (const [i, deadline] of all.entries()) deadline.set(1_000 - i);
  for (const deadline of all) deadline.set(5_000);
  expect(clock.pending).toBe(1);
});

test('thousands are looked at more rarely, and expire later by a millisecond for each thousand at most', () => {
  const { clock, deadlines } = setting();
  let sweeps = 0;
  const after = clock.after.bind(clock);
  clock.after = (ms, call) => {
    sweeps += 1;
    return after(ms, call);
  };
  let latest = 0;
  for (let i = 0; i < 20_000; i += 1) {
    const deadline = deadlines.create(() => (latest = Math.max(latest, clock.now() - 5_000 - i / 100)));
    deadline.set(5_000 + i / 100);
  }
  clock.advance(10_000);
  expect(deadlines.size).toBe(0);
  expect(latest).toBeLessThanOrEqual(21);
  expect(sweeps).toBeLessThan(100);
});

test('a moment of fractions is not swept before it comes', () => {
  const { clock, told, create } = setting();
  clock.advance(0.4);
  create('a').set(10.3);
  clock.advance(10);
  const before = [...told];
  clock.advance(1);
  expect([before.length, told.length]).toEqual([0, 1]);
});

test('whatever is set, moved and cleared: each expires at the last moment it was given, or never', () => {
  const step = fc.record({
    which: fc.nat(4),
    ms: fc.oneof(fc.integer({ min: 0, max: 50 }), fc.constant(Number.POSITIVE_INFINITY)),
    wait: fc.integer({ min: 0, max: 30 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const clock = new ManualClock();
      const deadlines = new Deadlines(clock);
      const due = new Map<number, number>(); // the model: which → its moment
      const wrong: string[] = [];
      const all = Array.from({ length: 5 }, (_, which) =>
        deadlines.create(() => {
          if (due.get(which) !== clock.now()) wrong.push(`${which} at ${clock.now()}, due ${due.get(which)}`);
          due.delete(which);
        }),
      );
      for (const { which, ms, wait } of steps) {
        all[which]?.set(ms);
        if (ms === Number.POSITIVE_INFINITY) due.delete(which);
        else due.set(which, clock.now() + ms);
        clock.advance(wait);
        for (const [late, at] of due) if (at <= clock.now() && wait > 0) wrong.push(`${late} did not come at ${at}`);
      }
      clock.advance(100);
      expect([wrong, due.size, deadlines.size, clock.pending]).toEqual([[], 0, 0, 0]);
    }),
    { numRuns: 500 },
  );
});

test('at rest there is no timer, and the next deadline starts one', () => {
  const clock = new ManualClock();
  const deadlines = new Deadlines(clock);
  let expired = 0;
  const deadline = deadlines.create(() => {
    expired += 1;
  });
  deadline.set(50);
  deadlines.rest(); // not yet
  const before = clock.pending;
  deadline.clear();
  deadlines.rest();
  const atRest = clock.pending;
  deadline.set(50);
  clock.advance(50);
  expect([before, atRest, expired]).toEqual([1, 0, 1]);
});

/** What is thrown where nobody catches, taken from whoever listens so far. */
function nextUncaught(): Promise<unknown> {
  const before = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  onTestFinished(() => {
    for (const listener of before) process.on('uncaughtException', listener);
  });
  return new Promise((resolve) => process.once('uncaughtException', resolve));
}

test('the timer keeps nothing that whoever needed it has in AsyncLocalStorage', async () => {
  const deadlines = new Deadlines(systemClock);
  const deadline = deadlines.create(() => undefined);
  const set = () => {
    const store = {};
    new AsyncLocalStorage<object>().run(store, () => deadline.set(3_600_000));
    return new WeakRef(store);
  };
  const store = set();
  await collectGarbage();
  expect(store.deref()).toBeUndefined();
  deadline.clear();
  deadlines.rest();
});
