import fc from 'fast-check';
import { expect, test } from 'vitest';
import { arrange, Named, TIMEOUT_MS, TRAVELS, USABLE } from './arranged-queue.js';

test('after any sequence of calls it agrees with a plain list', () => {
  const travel = fc.constantFrom(...TRAVELS);
  const step = fc.oneof(
    fc.record({ do: fc.constant('enter' as const), travel, timeLeftMs: fc.constantFrom(400, 1000) }),
    fc.record({ do: fc.constant('comeAgain' as const), travel: fc.constantFrom('fresh' as const, 'resent' as const) }),
    fc.record({
      ...{ do: fc.constant('take' as const), any: fc.boolean(), verified: fc.boolean() },
      ...{ fresh: fc.boolean(), resent: fc.boolean() },
    }),
    fc.record({ do: fc.constant('leave' as const), which: fc.nat(30) }),
    fc.record({ do: fc.constant('advance' as const), ms: fc.nat(300) }),
    fc.record({ do: fc.constant('pause' as const) }),
    fc.record({ do: fc.constant('resume' as const) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const { clock, queue, comeAgain } = arrange({ maxQueue: 5 });
      const list: { waiter: Named; at: number; timeLeftMs: number }[] = []; // oldest first
      let overloaded = false;
      let pausedUntil = Number.NEGATIVE_INFINITY;
      const judge = () => {
        const longest = list.find((place) => !place.waiter.returned);
        const age = longest === undefined ? -1 : clock.now() - longest.at;
        overloaded = overloaded ? age >= TIMEOUT_MS / 4 : age > TIMEOUT_MS / 2;
        overloaded &&= clock.now() - pausedUntil >= TIMEOUT_MS;
      };
      let settled = 0;
      let entered = 0;
      for (const [index, act] of steps.entries()) {
        if (act.do === 'advance') {
          clock.advance(act.ms);
          continue;
        }
        if (act.do === 'pause' || act.do === 'resume') {
          if (act.do === 'pause') pausedUntil = Number.POSITIVE_INFINITY;
          else if (pausedUntil === Number.POSITIVE_INFINITY) pausedUntil = clock.now();
          queue[act.do]();
          continue;
        }
        judge();
        if (act.do === 'comeAgain') {
          list.push({ waiter: comeAgain(`${index}`, act.travel), at: clock.now(), timeLeftMs: TIMEOUT_MS });
          entered += 1;
        } else if (act.do === 'enter') {
          const waiter = new Named(`${index}`, act.travel);
          const others = list.filter((place) => !place.waiter.returned);
          const heads = TRAVELS.map((lane) => others.find((place) => place.waiter.travel === lane));
          const late = heads.filter((place) => place && place.at + place.timeLeftMs / 2 < clock.now());
          const oldestLate = overloaded ? list.find((place) => late.includes(place)) : undefined;
          const full = list.length >= 5;
          const expected = full ? (oldestLate?.waiter ?? waiter) : undefined;
          expect(queue.enqueue(waiter, act.timeLeftMs, USABLE)?.waiter).toBe(expected);
          entered += 1;
          if (expected !== undefined) settled += 1;
          if (full && oldestLate !== undefined) list.splice(list.indexOf(oldestLate), 1);
          if (expected !== waiter) list.push({ waiter, at: clock.now(), timeLeftMs: act.timeLeftMs });
        } else if (act.do === 'take') {
          const fitting = list.filter((place) => act[place.waiter.travel]);
          const returned = fitting.find((place) => place.waiter.returned);
          const expected = returned ?? (overloaded ? fitting.at(-1) : fitting[0]);
          expect(queue.take(act)).toBe(expected?.waiter);
          if (expected !== undefined) {
            list.splice(list.indexOf(expected), 1);
            settled += 1;
          }
        } else {
          const place = list[act.which];
          if (place === undefined) continue;
          expect(queue.leave(place.waiter)).toBe(true);
          list.splice(act.which, 1);
          settled += 1;
        }
        expect(queue.length).toBe(list.length);
      }
      expect(settled + queue.length).toBe(entered);
    }),
    { numRuns: 500 },
  );
});
