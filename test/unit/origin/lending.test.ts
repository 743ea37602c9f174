import { describe, expect, test } from 'vitest';
import { MemoryBackend } from '../../memory-backend.js';

const GET = {};
const POST = { method: 'POST', body: 'x' };

describe('a request that is idempotent', () => {
  test('rides the connection that was used last', async () => {
    const backend = await MemoryBackend.open();
    await backend.sent();
    await backend.sent();
    const [first, second] = [await backend.accept(), await backend.accept()];
    second.answer();
    await backend.settle();
    first.answer();
    await backend.settle();
    await backend.sent();
    expect([first.requests.length, second.requests.length]).toEqual([2, 1]);
  });

  test('rides a never-used connection when there is no used one', async () => {
    const backend = await MemoryBackend.open({ minConnections: 1 });
    const peer = await backend.accept();
    await backend.sent();
    expect([peer.requests, backend.dials.length]).toEqual([['GET /1'], 1]);
  });

  test('rides a never-used one, however short the origin keeps those that it has answered on', async () => {
    const backend = await MemoryBackend.open({ minConnections: 2 });
    const [first, second] = [await backend.accept(), await backend.accept()];
    await backend.sent();
    second.answer({ fields: ['Keep-Alive: timeout=0'] });
    await backend.settle();
    backend.clock.shiftWall(4_999);
    await backend.sent();
    expect([first.requests, backend.originStats().closed]).toEqual([['GET /2'], { 'idle-timeout': 1 }]);
  });

  test('rides no never-used one that is older than the owner allows', async () => {
    const backend = await MemoryBackend.open({ minConnections: 1, keepAliveTimeout: 1_000 });
    const peer = await backend.accept();
    backend.clock.shiftWall(1_001);
    await backend.sent();
    expect([peer.requests, backend.originStats().closed]).toEqual([[], { 'spare-expired': 1 }]);
  });

  test('rides nothing that has been idle for longer than the limit, by the clock at that moment', async () => {
    const backend = await MemoryBackend.open({ keepAliveTimeout: 1_000 });
    await backend.idle();
    backend.clock.shiftWall(1_001); // the machine slept: no timer ran
    await backend.sent();
    expect([backend.dialling.length, backend.originStats().closed]).toEqual([1, { 'idle-timeout': 1 }]);
  });

  test('rides nothing that is past its greatest age, though no timer has closed it yet', async () => {
    const backend = await MemoryBackend.open({ maxConnectionAge: 10_000 });
    const peer = await backend.idle();
    let seen: unknown;
    backend.clock.after(9_500, () => {
      backend.send();
      backend.clock.soon(() => (seen = [peer.requests.length, backend.originStats().closed]));
    });
    backend.clock.advance(9_500);
    expect(seen).toEqual([1, { 'max-age': 1 }]);
  });
});

describe('a request that may travel fresh only', () => {
  test('takes a spare', async () => {
    const backend = await MemoryBackend.open({ minConnections: 1 });
    const peer = await backend.accept();
    await backend.post();
    expect(peer.requests).toEqual(['POST /1']);
  });

  test('takes no spare that is older than five seconds', async () => {
    const backend = await MemoryBackend.open({ minConnections: 1 });
    const peer = await backend.accept();
    backend.clock.shiftWall(5_001);
    await backend.post();
    expect([peer.requests, backend.originStats().closed]).toEqual([[], { 'spare-expired': 1 }]);
  });

  test('is dialled for in an empty slot, beside the idle ones', async () => {
    const backend = await MemoryBackend.open({ maxConnections: 2, spareConnections: false });
    await backend.idle();
    await backend.post();
    expect(backend.originStats().connections).toMatchObject({ idle: 1, dialling: 1 });
  });

  test('is dialled for in the slot of the coldest connection when no slot is empty', async () => {
    const backend = await MemoryBackend.open({ maxConnections: 2, spareConnections: false });
    await backend.sent();
    await backend.sent();
    const [cold, warm] = [await backend.accept(), await backend.accept()];
    cold.answer();
    await backend.settle();
    warm.answer();
    await backend.settle();
    await backend.post();
    expect([cold.closed, warm.closed, backend.originStats().closed]).toEqual([true, false, { 'made-room': 1 }]);
    expect(backend.originStats().connections).toMatchObject({ idle: 1, dialling: 1 });
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
    const backend = await MemoryBackend.open(options);
    const peer = await backend.idle(exchanges);
    await backend.advance(idleMs);
    await backend.post();
    expect([backend.dials.length, peer.requests.length]).toEqual([dials, dials === 1 ? exchanges + 1 : exchanges]);
  });

  test.each(['Connection: keep-alive', 'connection: x, Keep-Alive', 'Keep-Alive: timeout=60', 'keep-alive: max=9'])(
    'rides one that has carried one exchange, when its answer said %s',
    async (line) => {
      const backend = await MemoryBackend.open(options);
      await backend.post();
      const peer = await backend.accept();
      peer.answer({ fields: [line] });
      await backend.settle();
      await backend.post();
      expect([backend.dials.length, peer.requests]).toEqual([1, ['POST /1', 'POST /2']]);
    },
  );

  test.each([
    ['does not ride one', 999, 0, 3],
    ['rides one again a second later', 999, 1_000, 2],
    ['rides one', 1_000, 0, 2],
  ])('%s after the origin closed one that was %i ms old, %i ms ago', async (_name, ageMs, agoMs, dials) => {
    const backend = await MemoryBackend.open(options);
    const [one, other] = [await backend.sent(), await backend.sent()];
    const [closing, kept] = [await backend.accept(), await backend.accept()];
    for (const peer of [closing, kept]) peer.answer();
    await backend.settle();
    expect([one.outcome, other.outcome]).toEqual([200, 200]);
    await backend.advance(ageMs);
    closing.fin();
    await backend.settle();
    await backend.advance(agoMs);
    await backend.sent();
    kept.answer();
    await backend.settle();
    await backend.post();
    expect(backend.dials.length).toBe(dials);
  });

  test('does not ride one that the origin may be closing by now', async () => {
    const backend = await MemoryBackend.open(options);
    await backend.sent();
    const peer = await backend.accept();
    for (const _ of [1, 2]) {
      peer.answer({ fields: ['Keep-Alive: timeout=1'] });
      await backend.settle();
      await backend.sent();
    }
    peer.answer();
    await backend.settle();
    await backend.advance(500);
    await backend.post();
    expect([peer.requests.length, backend.dials.length]).toEqual([3, 2]);
  });

  test('does not ride one that the kernel knows to be closed', async () => {
    const backend = await MemoryBackend.open(options);
    const peer = await backend.idle(2);
    peer.hold();
    peer.fin();
    await backend.post();
    expect([peer.requests.length, backend.dials.length]).toEqual([2, 2]);
  });

  test('leaves an unproven connection idle', async () => {
    const backend = await MemoryBackend.open(options);
    const peer = await backend.idle(1);
    await backend.post();
    await backend.sent(GET);
    expect(peer.requests).toEqual(['GET /1', 'GET /3']);
  });

  test('is not held up by the share of those that travel fresh', async () => {
    const backend = await MemoryBackend.open({ ...options, maxFreshConnections: 1 });
    await backend.sent({ ...POST, nonIdempotent: 'fresh' });
    await backend.accept();
    await backend.post();
    expect(backend.dialling.length).toBe(1);
  });
});

describe('maxFreshConnections', () => {
  const options = { maxConnections: 3, maxFreshConnections: 1, spareConnections: false } as const;

  test('holds back the second of those that travel fresh, and leaves the slots to others', async () => {
    const backend = await MemoryBackend.open(options);
    await backend.post();
    await backend.accept();
    await backend.post();
    const whilePosting = backend.dialling.length;
    await backend.sent(GET);
    expect([whilePosting, backend.dialling.length, backend.queue.length]).toEqual([0, 1, 2]);
  });

  test('lets the next one go when the share is given back', async () => {
    const backend = await MemoryBackend.open(options);
    await backend.post();
    const first = await backend.accept();
    const second = await backend.post();
    first.answer({ close: true });
    await backend.settle();
    const peer = await backend.accept();
    expect([peer.requests, second.outcome]).toEqual([['POST /2'], 'waiting']);
  });
});
