/** A re-send waits for another origin than those that it has left, as long as there is one. */

import { describe, expect, test } from 'vitest';
import { Origin } from '../../../src/origin/origin.js';
import { type Caller, House, type HouseOptions, type Peer } from '../../house.js';

const [A, B, C] = ['http://a.test:80', 'http://b.test:80', 'http://c.test:80'] as const;
const SETTING: HouseOptions = { origins: [A, B], maxConnections: 1, retryOn: [500], balance: 'first' };

const originOf = (caller: Caller) => caller.dispatch?.attempts.at(-1)?.origin;

/** One request under way at each origin, in the order of the list. */
async function full(options: HouseOptions = {}) {
  const house = await House.open({ ...SETTING, ...options });
  const callers: Caller[] = [];
  const peers: Peer[] = [];
  for (let n = 0; n < house.origins.length; n += 1) {
    callers.push(await house.sent());
    peers.push(await house.accept());
  }
  const [caller] = callers;
  const [first, second] = peers;
  if (caller === undefined || first === undefined || second === undefined) throw new Error('there are two at least');
  return { house, caller, first, second, peers };
}

async function fails(house: House, peer: Peer): Promise<void> {
  peer.answer({ status: 500 });
  await house.settle();
}

describe('while the others are full', () => {
  test('it waits for one of them, though its own has room', async () => {
    const { house, caller, first, second } = await full();
    await fails(house, first);
    const waiting = [caller.outcome, house.dialling.length, house.queue.length];
    second.answer();
    await house.settle();
    const fresh = await house.accept();
    fresh.answer();
    await house.settle();
    expect([waiting, fresh.origin, caller.outcome]).toEqual([['waiting', 0, 1], B, 200]);
    house.checkAtRest();
  });

  describe('and its own is being dialled for others', () => {
    async function dialled() {
      const house = await House.open({ ...SETTING, origins: [{ url: A, maxConnections: 2 }, B] });
      const caller = await house.sent();
      const first = await house.accept();
      await house.sent({ boundTo: B });
      const second = await house.accept();
      const other = await house.sent();
      first.answer({ status: 500, close: true });
      await house.settle();
      const goes = async () => {
        house.dialling.find(({ target }) => target.origin === B)?.open();
        await house.settle();
        return [other.outcome, house.queue.length, originOf(caller)];
      };
      return { house, second, other, goes };
    }

    test('it is dialled for as soon as another has room', async () => {
      const { house, second, other, goes } = await dialled();
      other.abort();
      second.answer({ close: true });
      await house.settle();
      expect(await goes()).toEqual(['waiting', 0, B]);
    });

    test('a connection that comes back makes room for it', async () => {
      const { house, second, other, goes } = await dialled();
      other.abort();
      second.answer();
      await house.settle();
      expect(await goes()).toEqual(['waiting', 0, B]);
    });

    test('it goes before one that may ride what comes back', async () => {
      const { house, second, goes } = await dialled();
      second.answer();
      await house.settle();
      expect(await goes()).toEqual(['waiting', 1, B]);
    });
  });

  test('no connection is closed for it where dials take long', async () => {
    const house = await House.open({ ...SETTING, origins: [A, { url: B, maxConnections: 2 }, C] });
    const caller = await house.sent();
    const first = await house.accept();
    await house.sent();
    const second = await house.accept();
    await house.sent({ boundTo: C });
    const third = await house.accept();
    await house.sent();
    await house.advance(1_000); // its dial, to B, takes long
    await fails(house, first);
    second.answer();
    await house.settle();
    const { idle, dialling } = house.origin(1);
    third.answer({ close: true });
    await house.settle();
    house.dialling.find(({ target }) => target.origin === C)?.open();
    await house.settle();
    expect([idle, dialling, originOf(caller)]).toEqual([1, 1, C]);
  });

  test('it lets others have the room that it does not want', async () => {
    const { house, caller, first } = await full();
    const behind = await house.sent();
    await fails(house, first);
    expect([originOf(behind), caller.outcome]).toEqual([A, 'waiting']);
  });

  test('it keeps its turn among those who wait for any', async () => {
    const { house, caller, first, second } = await full();
    await fails(house, first);
    await house.sent(); // takes the room at the first
    const behind = await house.sent();
    second.answer();
    await house.settle();
    expect([(await house.accept()).origin, originOf(caller), behind.outcome]).toEqual([B, B, 'waiting']);
  });

  test('a failed dial at another does not bring it back', async () => {
    const { house, caller, first, peers } = await full({ origins: [A, B, C] });
    peers[1]?.answer({ close: true });
    await house.settle();
    await fails(house, first);
    const dialled = house.dialling[0]?.target.origin;
    await house.refuse();
    expect([dialled, caller.outcome, house.dialling.length]).toEqual([B, 'waiting', 0]);
    peers[2]?.answer();
    await house.settle();
    expect((await house.accept()).origin).toBe(C);
    expect(originOf(caller)).toBe(C);
  });

  test('after a second failure it goes to neither of the two', async () => {
    const { house, caller, first, second, peers } = await full({ origins: [A, B, C] });
    await fails(house, first);
    second.answer();
    await house.settle();
    await fails(house, await house.accept());
    const waiting = [originOf(caller), caller.outcome, house.dialling.length];
    peers[2]?.answer();
    await house.settle();
    await house.accept();
    expect([waiting, originOf(caller)]).toEqual([[B, 'waiting', 0], C]);
  });

  test('one that is bound to the origin that failed goes to another, too', async () => {
    const house = await House.open(SETTING);
    const caller = await house.sent({ boundTo: A });
    const first = await house.accept();
    await house.sent();
    const second = await house.accept();
    await fails(house, first);
    const waiting = [caller.outcome, house.dialling.length];
    second.answer();
    await house.settle();
    await house.accept();
    expect([waiting, originOf(caller)]).toEqual([['waiting', 0], B]);
  });

  test('its wait ends in time', async () => {
    const { house, caller, first } = await full({ queueTimeout: 1_000 });
    await fails(house, first);
    await house.advance(1_001);
    expect([caller.error?.code, caller.error?.attempts.length]).toEqual(['connection_limit_reached', 1]);
  });
});

test.each([2, 3])('it rides a spare of another, though one of %i slots could be dialled in', async (maxConnections) => {
  const house = await House.open({ origins: [A, B], maxConnections, spareConnections: 1 });
  await house.post({ boundTo: B });
  await house.accept();
  await house.advance(2);
  const spare = await house.accept();
  const caller = await house.sent({ boundTo: A });
  const first = await house.accept();
  first.reset();
  await house.settle();
  expect([first.origin, spare.origin, spare.requests, house.originStats(1).connections.dialling]).toEqual([
    A,
    B,
    ['GET /2'],
    0,
  ]);
  expect(originOf(caller)).toBe(B);
});

test('it closes no connection of another whose spare has gone, when nothing can be dialled in the slot', async () => {
  const house = await House.open({ origins: [A, B], spareConnections: 2, maxDialling: 1 });
  await house.sent({ boundTo: B });
  (await house.accept()).answer();
  await house.post({ boundTo: B });
  await house.accept();
  await house.sent({ boundTo: A });
  await house.advance(2);
  const first = await house.accept();
  const spare = await house.accept();
  await house.update({ minConnections: 4 }); // begins a dial, beside which there may be none
  await house.advance(2);
  spare.hold();
  spare.fin();
  first.reset();
  await house.settle();
  expect(house.originStats(1).closed).toEqual({ stale: 1 });
});

describe('where there is no other any more, it goes back', () => {
  test('when the other is drained', async () => {
    const { house, caller, first } = await full();
    await fails(house, first);
    void house.fleet.drain(B);
    await house.settle();
    await house.accept();
    expect(originOf(caller)).toBe(A);
  });

  test('when the other is in back-off', async () => {
    const { house, caller, first, second } = await full();
    await fails(house, first);
    second.answer({ close: true });
    await house.settle();
    await house.refuse();
    expect((await house.accept()).origin).toBe(A);
    expect(originOf(caller)).toBe(A);
  });

  test('at once, when there was none', async () => {
    const { house, caller, first } = await full();
    void house.fleet.drain(B);
    await fails(house, first);
    await house.accept();
    expect(originOf(caller)).toBe(A);
  });

  test('or, bound to the one that failed, to another that takes its dial late', async () => {
    const house = await House.open(SETTING);
    const caller = await house.sent({ boundTo: A });
    const first = await house.accept();
    const behind = await house.sent({ boundTo: A });
    await fails(house, first);
    await house.advance(1_000);
    await house.accept();
    expect([originOf(behind), originOf(caller)]).toEqual([A, B]);
  });
});

test('while no origin has room, a look at those who wait does not grow with their lines times the origins', async () => {
  const COUNT = 60;
  let looks = 0;
  class Watched extends Origin {
    override get canDial() {
      looks += 1;
      return super.canDial;
    }
  }
  const { house, peers } = await full({
    origins: Array.from({ length: COUNT }, (_, index) => `http://o${index}.test:80`),
    retryBudget: { ratio: 1, minPerSecond: Number.POSITIVE_INFINITY },
    createOrigin: (...parts) => new Watched(...parts),
  });
  for (const peer of peers.slice(0, COUNT / 2)) peer.reset();
  await house.settle();
  while (house.dialling.length > 0) await house.refuse();
  looks = 0;
  house.dispatcher.matching.room();
  await house.settle();
  expect([house.queue.length, looks < 10 * COUNT]).toEqual([COUNT / 2, true]);
});
