/** Requests that end while an origin is picked, or room is made, for them. */

import type { Balancer } from 'pooled-backend';
import { expect, test } from 'vitest';
import type { Caller } from '../../caller.js';
import { House } from '../../house.js';

const [A, B, C] = ['http://a.test:80', 'http://b.test:80', 'http://c.test:80'];

/** Ends the request of `caller` at the pick of this number. */
function balancer(atPick: number, caller: () => Caller | undefined): Balancer {
  let picks = 0;
  return {
    keeps: true,
    pick() {
      picks += 1;
      if (picks === atPick) caller()?.abort();
      return 0;
    },
  };
}

test('no connection is dialled for a request that the balancer ends', async () => {
  let caller: Caller | undefined;
  const house = await House.open({ origins: [A, B], balance: balancer(1, () => caller) });
  caller = house.send();
  await house.settle();
  expect(house.dials.length).toBe(0);
  house.checkAtRest();
});

test('none is dialled for one that the balancer ends between two attempts', async () => {
  let caller: Caller | undefined;
  const house = await House.open({ origins: [A, B, C], balance: balancer(2, () => caller), spareConnections: false });
  caller = house.send();
  await house.settle();
  const peer = await house.accept();
  peer.fin();
  await house.settle();
  expect(house.dials.length).toBe(1);
  house.checkAtRest();
});

test('none is dialled for one that ends when an idle connection is closed for it', async () => {
  const house = await House.open({ origins: [A, B], maxConnections: 1, spareConnections: false });
  const first = await house.sent({ boundTo: A });
  const peer = await house.accept();
  peer.answer();
  await house.settle();
  let bound: Caller | undefined;
  house.emitter.on('disconnect', () => bound?.abort());
  bound = house.send({ boundTo: A, method: 'POST', body: 'x' });
  await house.settle();
  expect([first.outcome, house.dials.length]).toEqual([200, 1]);
  house.checkAtRest();
});

test('one that ends as a connection of its home is found closed is not sent on the next', async () => {
  const house = await House.open({ maxConnections: 2, spareConnections: false });
  const peers = [];
  for (let n = 0; n < 2; n += 1) await house.sent({ boundTo: A });
  for (let n = 0; n < 2; n += 1) peers.push(await house.accept({ asks: true }));
  for (const peer of peers) peer.answer();
  await house.settle();
  let bound: Caller | undefined;
  house.emitter.on('disconnect', () => bound?.abort());
  peers[1]?.hold();
  peers[1]?.fin(); // the kernel knows it, nobody else does
  bound = house.send({ boundTo: A });
  await house.settle();
  expect(peers.flatMap(({ requests }) => requests)).toEqual(['GET /1', 'GET /2']);
  house.checkAtRest();
});

test.each([
  ['request', 200],
  ['attemptEnd', 200],
  ['attemptEnd', 'reset'],
  ['fail', 'reset'],
] as const)('one that a listener of %s ends as it ends (%s) is told nothing more', async (event, end) => {
  const house = await House.open();
  const caller = await house.post();
  const peer = await house.accept();
  house.emitter.on(event, () => caller.abort());
  if (end === 'reset') peer.reset();
  else peer.answer();
  await house.settle();
  expect([caller.aborted, caller.endings]).toEqual([true, 0]);
  house.checkAtRest();
});

test('one that takes too long fails once, though a listener who hears that its connection is closed ends everything', async () => {
  const house = await House.open();
  const caller = await house.post({ requestTimeout: 1_000 });
  await house.accept();
  house.emitter.on('disconnect', () => house.destroy());
  await house.advance(1_001);
  expect([caller.endings, house.eventsOf('fail').length, house.originStats().delivery.unknown]).toEqual([1, 1, 1]);
  house.checkAtRest();
});

test('nothing is left of a dial when whoever hears that it is a probe ends everything', async () => {
  const house = await House.open();
  house.origin().standing.eject('connection_refused');
  await house.advance(1_000);
  house.emitter.on('probe', () => house.destroy());
  await house.sent();
  expect([house.dials.length, house.dialling.length, house.originStats().connections.open]).toEqual([1, 0, 0]);
});

test('a connection that is idle is idle again when the one that waited for it ends as it is taken', async () => {
  const options = { maxConnections: 3, maxFreshConnections: 1, minConnections: 3, spareConnections: false } as const;
  const house = await House.open(options);
  const peers = [];
  for (let n = 0; n < 3; n += 1) peers.push(await house.accept({ asks: true }));
  await house.post();
  const waiting = await house.post();
  const spares = peers.filter(({ owes }) => owes === 0);
  house.emitter.on('disconnect', () => waiting.abort());
  spares[1]?.hold();
  spares[1]?.fin(); // the kernel knows it, nobody else does
  peers.find(({ owes }) => owes > 0)?.answer();
  await house.settle();
  expect([house.originStats().connections.busy, house.originStats().connections.idle]).toEqual([0, 2]);
  house.checkAtRest();
});

test('one that ends when whoever hears of a probe ends it is not sent, and no attempt of it is told', async () => {
  const house = await House.open({ spareConnections: false });
  const peer = await house.idle();
  house.origin().standing.eject('connection_refused');
  await house.advance(1_000);
  const attempts: object[] = [];
  house.emitter.on('attempt', (attempt) => attempts.push(attempt));
  const caller = house.send();
  house.emitter.on('probe', () => caller.abort());
  await house.settle();
  expect([peer.requests, attempts]).toEqual([['GET /1'], []]);
  expect(house.origin().standing.accepts).toBe(true); // the next request is the probe
  house.checkAtRest();
});

test('one whose origin is drained while its dial is looked at is not sent there', async () => {
  const house = await House.open({ spareConnections: false });
  const idle = await house.idle();
  const caller = await house.sent();
  idle.reset();
  await house.settle();
  const peer = house.dialling[0]?.open();
  void house.fleet.drain(A ?? '');
  await house.settle();
  expect([peer?.requests, caller.outcome]).toEqual([[], 'waiting']);
});
