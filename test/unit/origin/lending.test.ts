import { describe, expect, test } from 'vitest';
import { House } from '../../house.js';

const GET = {};
const POST = { method: 'POST', body: 'x' };

describe('a request that is idempotent', () => {
  test('rides the connection that was used last', async () => {
    const house = await House.open();
    await house.sent();
    await house.sent();
    const [first, second] = [await house.accept(), await house.accept()];
    second.answer();
    await house.settle();
    first.answer();
    await house.settle();
    await house.sent();
    expect([first.requests.length, second.requests.length]).toEqual([2, 1]);
  });

  test('rides a never-used connection when there is no used one', async () => {
    const house = await House.open({ minConnections: 1 });
    const peer = await house.accept();
    await house.sent();
    expect([peer.requests, house.dials.length]).toEqual([['GET /1'], 1]);
  });

  test('rides a never-used one, however short the origin keeps those that it has answered on', async () => {
    const house = await House.open({ minConnections: 2 });
    const [first, second] = [await house.accept(), await house.accept()];
    await house.sent();
    second.answer({ fields: ['Keep-Alive: timeout=0'] });
    await house.settle();
    house.clock.shiftWall(4_999);
    await house.sent();
    expect([first.requests, house.originStats().closed]).toEqual([['GET /2'], { 'idle-timeout': 1 }]);
  });

  test('rides no never-used one that is older than the owner allows', async () => {
    const house = await House.open({ minConnections: 1, keepAliveTimeout: 1_000 });
    const peer = await house.accept();
    house.clock.shiftWall(1_001);
    await house.sent();
    expect([peer.requests, house.originStats().closed]).toEqual([[], { 'spare-expired': 1 }]);
  });

  test('rides nothing that has been idle for longer than the limit, by the clock at that moment', async () => {
    const house = await House.open({ keepAliveTimeout: 1_000 });
    await house.idle();
    house.clock.shiftWall(1_001); // the machine slept: no timer ran
    await house.sent();
    expect([house.dialling.length, house.originStats().closed]).toEqual([1, { 'idle-timeout': 1 }]);
  });

  test('rides nothing that is past its greatest age, though no timer has closed it yet', async () => {
    const house = await House.open({ maxConnectionAge: 10_000 });
    const peer = await house.idle();
    let seen: unknown;
    house.clock.after(9_500, () => {
      house.send();
      house.clock.soon(() => (seen = [peer.requests.length, house.originStats().closed]));
    });
    house.clock.advance(9_500);
    expect(seen).toEqual([1, { 'max-age': 1 }]);
  });
});

describe('a request that may travel fresh only', () => {
  test('takes a spare', async () => {
    const house = await House.open({ minConnections: 1 });
    const peer = await house.accept();
    await house.post();
    expect(peer.requests).toEqual(['POST /1']);
  });

  test('takes no spare that is older than five seconds', async () => {
    const house = await House.open({ minConnections: 1 });
    const peer = await house.accept();
    house.clock.shiftWall(5_001);
    await house.post();
    expect([peer.requests, house.originStats().closed]).toEqual([[], { 'spare-expired': 1 }]);
  });

  test('is dialled for in an empty slot, beside the idle ones', async () => {
    const house = await House.open({ maxConnections: 2, spareConnections: false });
    await house.idle();
    await house.post();
    expect(house.originStats().connections).toMatchObject({ idle: 1, dialling: 1 });
  });

  test('is dialled for in the slot of the coldest connection when no slot is empty', async () => {
    const house = await House.open({ maxConnections: 2, spareConnections: false });
    await house.sent();
    await house.sent();
    const [cold, warm] = [await house.accept(), await house.accept()];
    cold.answer();
    await house.settle();
    warm.answer();
    await house.settle();
    await house.post();
    expect([cold.closed, warm.closed, house.originStats().closed]).toEqual([true, false, { 'made-room': 1 }]);
    expect(house.originStats().connections).toMatchObject({ idle: 1, dialling: 1 });
  });
});

describe('a request that may ride what is verified', () => {
  const options = { nonIdempotent: 'verified', spareConnections: false } as const;

  test.each([
    ['rides a connection that has carried two exchanges', 2, 0, 1],
    ['does not ride one that has carried one', 1, 0, 2],
    ['does not ride one that has been idle for a second', 2, 1_000, 2],
    ['rides one that has been idle for less', 2, 999, 1],
  ])('%s', async (_name, exchanges, idleMs, dials) => {
    const house = await House.open(options);
    const peer = await house.idle(exchanges);
    await house.advance(idleMs);
    await house.post();
    expect([house.dials.length, peer.requests.length]).toEqual([dials, dials === 1 ? exchanges + 1 : exchanges]);
  });

  test.each(['Connection: keep-alive', 'connection: x, Keep-Alive', 'Keep-Alive: timeout=60', 'keep-alive: max=9'])(
    'rides one that has carried one exchange, when its answer said %s',
    async (line) => {
      const house = await House.open(options);
      await house.post();
      const peer = await house.accept();
      peer.answer({ fields: [line] });
      await house.settle();
      await house.post();
      expect([house.dials.length, peer.requests]).toEqual([1, ['POST /1', 'POST /2']]);
    },
  );

  test.each([
    ['does not ride one', 999, 0, 3],
    ['rides one again a second later', 999, 1_000, 2],
    ['rides one', 1_000, 0, 2],
  ])('%s after the origin closed one that was %i ms old, %i ms ago', async (_name, ageMs, agoMs, dials) => {
    const house = await House.open(options);
    const [one, other] = [await house.sent(), await house.sent()];
    const [closing, kept] = [await house.accept(), await house.accept()];
    for (const peer of [closing, kept]) peer.answer();
    await house.settle();
    expect([one.outcome, other.outcome]).toEqual([200, 200]);
    await house.advance(ageMs);
    closing.fin();
    await house.settle();
    await house.advance(agoMs);
    await house.sent();
    kept.answer();
    await house.settle();
    await house.post();
    expect(house.dials.length).toBe(dials);
  });

  test('does not ride one that the origin may be closing by now', async () => {
    const house = await House.open(options);
    await house.sent();
    const peer = await house.accept();
    for (const _ of [1, 2]) {
      peer.answer({ fields: ['Keep-Alive: timeout=1'] });
      await house.settle();
      await house.sent();
    }
    peer.answer();
    await house.settle();
    await house.advance(500);
    await house.post();
    expect([peer.requests.length, house.dials.length]).toEqual([3, 2]);
  });

  test('does not ride one that the kernel knows to be closed', async () => {
    const house = await House.open(options);
    const peer = await house.idle(2);
    peer.hold();
    peer.fin();
    await house.post();
    expect([peer.requests.length, house.dials.length]).toEqual([2, 2]);
  });

  test('leaves an unproven connection idle', async () => {
    const house = await House.open(options);
    const peer = await house.idle(1);
    await house.post();
    await house.sent(GET);
    expect(peer.requests).toEqual(['GET /1', 'GET /3']);
  });

  test('is not held up by the share of those that travel fresh', async () => {
    const house = await House.open({ ...options, maxFreshConnections: 1 });
    await house.sent({ ...POST, nonIdempotent: 'fresh' });
    await house.accept();
    await house.post();
    expect(house.dialling.length).toBe(1);
  });
});

describe('maxFreshConnections', () => {
  const options = { maxConnections: 3, maxFreshConnections: 1, spareConnections: false } as const;

  test('holds back the second of those that travel fresh, and leaves the slots to others', async () => {
    const house = await House.open(options);
    await house.post();
    await house.accept();
    await house.post();
    const whilePosting = house.dialling.length;
    await house.sent(GET);
    expect([whilePosting, house.dialling.length, house.queue.length]).toEqual([0, 1, 2]);
  });

  test('lets the next one go when the share is given back', async () => {
    const house = await House.open(options);
    await house.post();
    const first = await house.accept();
    const second = await house.post();
    first.answer({ close: true });
    await house.settle();
    const peer = await house.accept();
    expect([peer.requests, second.outcome]).toEqual([['POST /2'], 'waiting']);
  });
});
