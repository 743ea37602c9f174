import { expect, test } from 'vitest';
import { ShareCoordinator } from '../../../src/fleet/share-coordinator.js';
import type { ShareReply } from '../../../src/fleet/share-message.js';
import { ManualClock } from '../../../src/testing/index.js';

const A = 'http://a.test:80';

/** A coordinator, and workers of one backend each that do what they are told at once unless they are slow. */
function open({ workers = 0, slow = [] as number[], restartTimeoutMs = 1_000 } = {}) {
  const clock = new ManualClock();
  const told: string[] = [];
  const replies: [number, ShareReply][] = [];
  const coordinator = new ShareCoordinator({
    clock,
    restartTimeoutMs,
    workers: () => workers,
    send: (worker, reply) => replies.push([worker, reply]),
  });
  const settle = () => {
    for (let next = replies.shift(); next !== undefined; next = replies.shift()) {
      const [worker, { origin, member, ...reply }] = next;
      const isOrder = reply.pooledBackend === 'order';
      const isLater = reply.pooledBackend === 'later';
      told.push(`${worker} ${isOrder ? reply.share : `${isLater ? 'later' : 'refused'} beside ${reply.members}`}`);
      if (!isOrder || slow.includes(worker)) continue;
      coordinator.heard(worker, { pooledBackend: 'answer', member, origin, turn: reply.turn, held: reply.share });
    }
    return told.splice(0);
  };
  const ask = (worker: number, total = 10, origin = A) => {
    coordinator.heard(worker, { pooledBackend: 'ask', member: 'b', origin, total });
    return settle();
  };
  return { clock, coordinator, settle, ask };
}

test('workers that ask one after the other share equally', () => {
  const { ask } = open();
  expect([ask(1), ask(2), ask(3)]).toEqual([['1 10'], ['1 5', '2 5'], ['1 4', '2 3', '3 1', '3 3']]);
});

test('a worker that asks again is told nothing new', () => {
  const { ask } = open();
  ask(1);
  expect(ask(1)).toEqual([]);
});

test('the first of several workers gets no more than it will keep', () => {
  const { ask } = open({ workers: 2 });
  expect([ask(1), ask(2)]).toEqual([['1 5'], ['2 5']]);
});

test('the part of a worker that never asks goes to the others in time', () => {
  const { ask, clock, settle } = open({ workers: 2 });
  ask(1);
  clock.advance(999);
  const before = settle();
  clock.advance(1);
  expect([before, settle()]).toEqual([[], ['1 10']]);
});

test('the share of a worker that is gone is kept for the next one', () => {
  const { ask, coordinator, settle } = open();
  ask(1);
  ask(2);
  coordinator.gone(1);
  expect([settle(), ask(3)]).toEqual([[], ['3 5']]);
});

test('without a next one the others get it', () => {
  const { ask, coordinator, clock, settle } = open();
  ask(1);
  ask(2);
  coordinator.gone(1);
  clock.advance(1_000);
  expect(settle()).toEqual(['2 10']);
});

test('the others get it in time, though another worker goes and comes again and again', () => {
  const { ask, coordinator, clock, settle } = open();
  for (const worker of [1, 2, 3]) ask(worker, 9);
  coordinator.gone(1);
  clock.advance(600);
  coordinator.gone(3);
  settle();
  const successor = ask(4, 9);
  clock.advance(400);
  expect([successor, settle()]).toEqual([['4 3'], ['2 5', '4 4']]);
});

test('each place is kept for its own time', () => {
  const { ask, coordinator, clock, settle } = open();
  for (const worker of [1, 2, 3]) ask(worker, 9);
  coordinator.gone(1);
  clock.advance(600);
  coordinator.gone(2);
  clock.advance(400);
  const first = settle();
  clock.advance(599);
  const before = settle();
  clock.advance(1);
  expect([first, before, settle()]).toEqual([['3 5'], [], ['3 9']]);
});

test('a worker that does not shrink is waited for, until it is gone', () => {
  const { ask, coordinator, settle } = open({ slow: [1] });
  ask(1);
  expect(ask(2)).toEqual(['1 5']);
  coordinator.gone(1);
  expect(settle()).toEqual(['2 5']);
});

test('a worker that asks again while the others hold all is told so, and keeps no place of another', () => {
  const { ask, coordinator, clock, settle } = open({ slow: [1] });
  ask(1);
  ask(2);
  ask(3);
  coordinator.gone(3);
  settle();
  clock.advance(600);
  const again = ask(2);
  clock.advance(400);
  expect([again, settle()]).toEqual([['2 later beside 1'], ['1 5']]);
});

test('a worker more than there are connections is refused, and has the first place that is free', () => {
  const { ask, coordinator, settle } = open();
  expect([ask(1, 2), ask(2, 2), ask(3, 2)]).toEqual([['1 2'], ['1 1', '2 1'], ['3 refused beside 2']]);
  coordinator.gone(1);
  expect(settle()).toEqual(['3 1']);
});

test('a worker that was refused and is gone gets nothing', () => {
  const { ask, coordinator, settle } = open();
  for (const worker of [1, 2, 3]) ask(worker, 2);
  coordinator.gone(3);
  coordinator.gone(1);
  expect(settle()).toEqual([]);
});

test('each origin has a total of its own', () => {
  const { ask, coordinator } = open();
  expect([ask(1, 10, A), ask(2, 4, 'http://b.test:80')]).toEqual([['1 10'], ['2 4']]);
  expect([...coordinator.shares.keys()]).toEqual([A, 'http://b.test:80']);
});

test('a backend that is closed leaves, its worker need not', () => {
  const { ask, coordinator, clock, settle } = open();
  ask(1);
  ask(2);
  coordinator.heard(1, { pooledBackend: 'leave', member: 'b', origin: A });
  clock.advance(1_000);
  expect(settle()).toEqual(['2 10']);
});

test.each([1_000, Number.POSITIVE_INFINITY])(
  'nothing is kept of an origin that nobody uses any more, with a timeout of %d ms',
  (restartTimeoutMs) => {
    const { ask, coordinator, clock } = open({ restartTimeoutMs });
    ask(1);
    coordinator.gone(1);
    clock.advance(1_000);
    expect([coordinator.shares.size, clock.pending]).toEqual([0, 0]);
  },
);

test('a place that is kept for ever is kept for a worker that lives, too, and nobody has to shrink when it asks again', () => {
  const { ask, coordinator, clock, settle } = open({ restartTimeoutMs: Number.POSITIVE_INFINITY });
  ask(1);
  ask(2);
  coordinator.heard(1, { pooledBackend: 'leave', member: 'b', origin: A });
  clock.advance(1_000_000);
  expect([settle(), ask(1)]).toEqual([[], ['1 5']]);
});

test('a place that is kept for ever goes to the next worker', () => {
  const { ask, coordinator, clock, settle } = open({ restartTimeoutMs: Number.POSITIVE_INFINITY });
  ask(1);
  ask(2);
  coordinator.gone(1);
  clock.advance(1_000_000);
  expect([settle(), ask(3)]).toEqual([[], ['3 5']]);
});
