import { expect, test } from 'vitest';
import { House, type HouseOptions } from '../../house.js';

const statesOf = (house: House) => house.origin().connections.map(({ state }) => state);

async function busyAfter(exchanges: number, options: HouseOptions = {}): Promise<House> {
  const house = await House.open(options);
  if (exchanges > 0) await house.idle(exchanges);
  await house.sent();
  if (exchanges === 0) await house.accept();
  return house;
}

test('an origin that was never dialled has no connections', async () => {
  expect((await House.open()).origin().connections).toEqual([]);
});

test('a connection is dialling, carries its first request, is idle, and carries the next', async () => {
  const house = await House.open();
  await house.sent();
  const states = [...statesOf(house)];
  const peer = await house.accept();
  states.push(...statesOf(house));
  peer.answer();
  await house.settle();
  states.push(...statesOf(house));
  await house.sent();
  expect([...states, ...statesOf(house)]).toEqual(['dialling', 'fresh', 'idle', 'busy']);
});

test('one that was dialled ahead of need is a spare', async () => {
  const house = await House.open({ spareConnections: 1 });
  await house.post();
  await house.accept();
  await house.advance(10);
  await house.accept();
  expect(statesOf(house)).toEqual(['fresh', 'spare']);
});

test.each<[string, number, HouseOptions]>([
  ['for maxRequestsPerConnection', 1, { maxRequestsPerConnection: 2 }],
  ['from its first', 0, { maxRequestsPerConnection: 1 }],
])('one that carries its last request is retired: %s', async (_why, exchanges, options) => {
  expect(statesOf(await busyAfter(exchanges, options))).toEqual(['retired']);
});

test('one that has become too old while it was busy is retired', async () => {
  const house = await busyAfter(1, { maxConnectionAge: 1000 });
  await house.advance(1001);
  expect(statesOf(house)).toEqual(['retired']);
});

test('it keeps its slot, the lowest that was free, and counts its exchanges and ages', async () => {
  const house = await House.open({ maxConnections: 5 });
  await house.sent();
  await house.sent();
  const [first, second] = [await house.accept(), await house.accept()];
  await house.advance(100);
  first.answer();
  await house.settle();
  await house.advance(30);
  expect(house.origin().connections).toEqual([
    { slot: 0, state: 'idle', exchanges: 1, ageMs: 130, idleMs: 30 },
    { slot: 1, state: 'fresh', exchanges: 0, ageMs: 130, idleMs: 0 },
  ]);
  second.answer();
});
