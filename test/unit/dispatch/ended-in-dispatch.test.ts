/** Requests that end while an origin is picked, or room is made, for them. */

import type { Balancer } from 'pooled-backend';
import { expect, test } from 'vitest';
import type { Caller } from '../../caller.js';
import { MemoryBackend } from '../../memory-backend.js';

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
  const backend = await MemoryBackend.open({ origins: [A, B], balance: balancer(1, () => caller) });
  caller = backend.send();
  await backend.settle();
  expect(backend.dials.length).toBe(0);
  backend.checkAtRest();
});

test('none is dialled for one that the balancer ends between two attempts', async () => {
  let caller: Caller | undefined;
  const backend = await MemoryBackend.open({
    origins: [A, B, C],
    balance: balancer(2, () => caller),
    spareConnections: false,
  });
  caller = backend.send();
  await backend.settle();
  const peer = await backend.accept();
  peer.fin();
  await backend.settle();
  expect(backend.dials.length).toBe(1);
  backend.checkAtRest();
});

test('none is dialled for one that ends when an idle connection is closed for it', async () => {
  const backend = await MemoryBackend.open({ origins: [A, B], maxConnections: 1, spareConnections: false });
  const first = await backend.sent({ boundTo: A });
  const peer = await backend.accept();
  peer.answer();
  await backend.settle();
  let bound: Caller | undefined;
  backend.emitter.on('disconnect', () => bound?.abort());
  bound = backend.send({ boundTo: A, method: 'POST', body: 'x' });
  await backend.settle();
  expect([first.outcome, backend.dials.length]).toEqual([200, 1]);
  backend.checkAtRest();
});

test('one that ends as a connection of its home is found closed is not sent on the next', async () => {
  const backend = await MemoryBackend.open({ maxConnections: 2, spareConnections: false });
  const peers = [];
  for (let n = 0; n < 2; n += 1) await backend.sent({ boundTo: A });
  for (let n = 0; n < 2; n += 1) peers.push(await backend.accept({ asks: true }));
  for (const peer of peers) peer.answer();
  await backend.settle();
  let bound: Caller | undefined;
  backend.emitter.on('disconnect', () => bound?.abort());
  peers[1]?.hold();
  peers[1]?.fin(); // the kernel knows it, nobody else does
  bound = backend.send({ boundTo: A });
  await backend.settle();
  expect(peers.flatMap(({ requests }) => requests)).toEqual(['GET /1', 'GET /2']);
  backend.checkAtRest();
});

test.each([
  ['request', 200],
  ['attemptEnd', 200],
  ['attemptEnd', 'reset'],
  ['fail', 'reset'],
] as const)('one that a listener of %s ends as it ends (%s) is told nothing more', async (event, end) => {
  const backend = await MemoryBackend.open();
  const caller = await backend.post();
  const peer = await backend.accept();
  backend.emitter.on(event, () => caller.abort());
  if (end === 'reset') peer.reset();
  else peer.answer();
  await backend.settle();
  expect([caller.aborted, caller.endings]).toEqual([true, 0]);
  backend.checkAtRest();
});

test('one that takes too long fails once, though a listener who hears that its connection is closed ends everything', async () => {
  const backend = await MemoryBackend.open();
  const caller = await backend.post({ requestTimeout: 1_000 });
  await backend.accept();
  backend.emitter.on('disconnect', () => backend.destroy());
  await backend.advance(1_001);
  expect([caller.endings, backend.eventsOf('fail').length, backend.originStats().delivery.unknown]).toEqual([1, 1, 1]);
  backend.checkAtRest();
});

test('nothing is left of a dial when whoever hears that it is a probe ends everything', async () => {
  const backend = await MemoryBackend.open();
  backend.origin().standing.eject('connection_refused');
  await backend.advance(1_000);
  backend.emitter.on('probe', () => backend.destroy());
  await backend.sent();
  expect([backend.dials.length, backend.dialling.length, backend.originStats().connections.open]).toEqual([1, 0, 0]);
});

test('a connection that is idle is idle again when the one that waited for it ends as it is taken', async () => {
  const options = { maxConnections: 3, maxFreshConnections: 1, minConnections: 3, spareConnections: false } as const;
  const backend = await MemoryBackend.open(options);
  const peers = [];
  for (let n = 0; n < 3; n += 1) peers.push(await backend.accept({ asks: true }));
  await backend.post();
  const waiting = await backend.post();
  const spares = peers.filter(({ owes }) => owes === 0);
  backend.emitter.on('disconnect', () => waiting.abort());
  spares[1]?.hold();
  spares[1]?.fin(); // the kernel knows it, nobody else does
  peers.find(({ owes }) => owes > 0)?.answer();
  await backend.settle();
  expect([backend.originStats().connections.busy, backend.originStats().connections.idle]).toEqual([0, 2]);
  backend.checkAtRest();
});

test('one that ends when whoever hears of a probe ends it is not sent, and no attempt of it is told', async () => {
  const backend = await MemoryBackend.open({ spareConnections: false });
  const peer = await backend.idle();
  backend.origin().standing.eject('connection_refused');
  await backend.advance(1_000);
  const attempts: object[] = [];
  backend.emitter.on('attempt', (attempt) => attempts.push(attempt));
  const caller = backend.send();
  backend.emitter.on('probe', () => caller.abort());
  await backend.settle();
  expect([peer.requests, attempts]).toEqual([['GET /1'], []]);
  expect(backend.origin().standing.accepts).toBe(true); // the next request is the probe
  backend.checkAtRest();
});

test('one whose origin is drained while its dial is looked at is not sent there', async () => {
  const backend = await MemoryBackend.open({ spareConnections: false });
  const idle = await backend.idle();
  const caller = await backend.sent();
  idle.reset();
  await backend.settle();
  const peer = backend.dialling[0]?.open();
  void backend.fleet.drain(A ?? '');
  await backend.settle();
  expect([peer?.requests, caller.outcome]).toEqual([[], 'waiting']);
});
