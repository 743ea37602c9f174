/** A re-send waits for another origin than those that it has left, as long as there is one. */

import { describe, expect, test } from 'vitest';
import { Origin } from '../../../src/origin/origin.js';
import { type Caller, MemoryBackend, type MemoryBackendOptions, type Peer } from '../../memory-backend.js';

const [A, B, C] = ['http://a.test:80', 'http://b.test:80', 'http://c.test:80'] as const;
const SETTING: MemoryBackendOptions = { origins: [A, B], maxConnections: 1, retryOn: [500], balance: 'first' };

const originOf = (caller: Caller) => caller.dispatch?.attempts.at(-1)?.origin;

/** One request under way at each origin, in the order of the list. */
async function full(options: MemoryBackendOptions = {}) {
  const backend = await MemoryBackend.open({ ...SETTING, ...options });
  const callers: Caller[] = [];
  const peers: Peer[] = [];
  for (let n = 0; n < backend.origins.length; n += 1) {
    callers.push(await backend.sent());
    peers.push(await backend.accept());
  }
  const [caller] = callers;
  const [first, second] = peers;
  if (caller === undefined || first === undefined || second === undefined) throw new Error('there are two at least');
  return { backend, caller, first, second, peers };
}

async function fails(backend: MemoryBackend, peer: Peer): Promise<void> {
  peer.answer({ status: 500 });
  await backend.settle();
}

describe('while the others are full', () => {
  test('it waits for one of them, though its own has room', async () => {
    const { backend, caller, first, second } = await full();
    await fails(backend, first);
    const waiting = [caller.outcome, backend.dialling.length, backend.queue.length];
    second.answer();
    await backend.settle();
    const fresh = await backend.accept();
    fresh.answer();
    await backend.settle();
    expect([waiting, fresh.origin, caller.outcome]).toEqual([['waiting', 0, 1], B, 200]);
    backend.checkAtRest();
  });

  describe('and its own is being dialled for others', () => {
    async function dialled() {
      const backend = await MemoryBackend.open({ ...SETTING, origins: [{ url: A, maxConnections: 2 }, B] });
      const caller = await backend.sent();
      const first = await backend.accept();
      await backend.sent({ boundTo: B });
      const second = await backend.accept();
      const other = await backend.sent();
      first.answer({ status: 500, close: true });
      await backend.settle();
      const goes = async () => {
        backend.dialling.find(({ target }) => target.origin === B)?.open();
        await backend.settle();
        return [other.outcome, backend.queue.length, originOf(caller)];
      };
      return { backend, second, other, goes };
    }

    test('it is dialled for as soon as another has room', async () => {
      const { backend, second, other, goes } = await dialled();
      other.abort();
      second.answer({ close: true });
      await backend.settle();
      expect(await goes()).toEqual(['waiting', 0, B]);
    });

    test('a connection that comes back makes room for it', async () => {
      const { backend, second, other, goes } = await dialled();
      other.abort();
      second.answer();
      await backend.settle();
      expect(await goes()).toEqual(['waiting', 0, B]);
    });

    test('it goes before one that may ride what comes back', async () => {
      const { backend, second, goes } = await dialled();
      second.answer();
      await backend.settle();
      expect(await goes()).toEqual(['waiting', 1, B]);
    });
  });

  test('no connection is closed for it where dials take long', async () => {
    const backend = await MemoryBackend.open({ ...SETTING, origins: [A, { url: B, maxConnections: 2 }, C] });
    const caller = await backend.sent();
    const first = await backend.accept();
    await backend.sent();
    const second = await backend.accept();
    await backend.sent({ boundTo: C });
    const third = await backend.accept();
    await backend.sent();
    await backend.advance(1_000); // its dial, to B, takes long
    await fails(backend, first);
    second.answer();
    await backend.settle();
    const { idle, dialling } = backend.origin(1);
    third.answer({ close: true });
    await backend.settle();
    backend.dialling.find(({ target }) => target.origin === C)?.open();
    await backend.settle();
    expect([idle, dialling, originOf(caller)]).toEqual([1, 1, C]);
  });

  test('it lets others have the room that it does not want', async () => {
    const { backend, caller, first } = await full();
    const behind = await backend.sent();
    await fails(backend, first);
    expect([originOf(behind), caller.outcome]).toEqual([A, 'waiting']);
  });

  test('it keeps its turn among those who wait for any', async () => {
    const { backend, caller, first, second } = await full();
    await fails(backend, first);
    await backend.sent(); // takes the room at the first
    const behind = await backend.sent();
    second.answer();
    await backend.settle();
    expect([(await backend.accept()).origin, originOf(caller), behind.outcome]).toEqual([B, B, 'waiting']);
  });

  test('a failed dial at another does not bring it back', async () => {
    const { backend, caller, first, peers } = await full({ origins: [A, B, C] });
    peers[1]?.answer({ close: true });
    await backend.settle();
    await fails(backend, first);
    const dialled = backend.dialling[0]?.target.origin;
    await backend.refuse();
    expect([dialled, caller.outcome, backend.dialling.length]).toEqual([B, 'waiting', 0]);
    peers[2]?.answer();
    await backend.settle();
    expect((await backend.accept()).origin).toBe(C);
    expect(originOf(caller)).toBe(C);
  });

  test('after a second failure it goes to neither of the two', async () => {
    const { backend, caller, first, second, peers } = await full({ origins: [A, B, C] });
    await fails(backend, first);
    second.answer();
    await backend.settle();
    await fails(backend, await backend.accept());
    const waiting = [originOf(caller), caller.outcome, backend.dialling.length];
    peers[2]?.answer();
    await backend.settle();
    await backend.accept();
    expect([waiting, originOf(caller)]).toEqual([[B, 'waiting', 0], C]);
  });

  test('one that is bound to the origin that failed goes to another, too', async () => {
    const backend = await MemoryBackend.open(SETTING);
    const caller = await backend.sent({ boundTo: A });
    const first = await backend.accept();
    await backend.sent();
    const second = await backend.accept();
    await fails(backend, first);
    const waiting = [caller.outcome, backend.dialling.length];
    second.answer();
    await backend.settle();
    await backend.accept();
    expect([waiting, originOf(caller)]).toEqual([['waiting', 0], B]);
  });

  test('its wait ends in time', async () => {
    const { backend, caller, first } = await full({ queueTimeout: 1_000 });
    await fails(backend, first);
    await backend.advance(1_001);
    expect([caller.error?.code, caller.error?.attempts.length]).toEqual(['connection_limit_reached', 1]);
  });
});

test.each([2, 3])('it rides a spare of another, though one of %i slots could be dialled in', async (maxConnections) => {
  const backend = await MemoryBackend.open({ origins: [A, B], maxConnections, spareConnections: 1 });
  await backend.post({ boundTo: B });
  await backend.accept();
  await backend.advance(2);
  const spare = await backend.accept();
  const caller = await backend.sent({ boundTo: A });
  const first = await backend.accept();
  first.reset();
  await backend.settle();
  expect([first.origin, spare.origin, spare.requests, backend.originStats(1).connections.dialling]).toEqual([
    A,
    B,
    ['GET /2'],
    0,
  ]);
  expect(originOf(caller)).toBe(B);
});

test('it closes no connection of another whose spare has gone, when nothing can be dialled in the slot', async () => {
  const backend = await MemoryBackend.open({ origins: [A, B], spareConnections: 2, maxDialling: 1 });
  await backend.sent({ boundTo: B });
  (await backend.accept()).answer();
  await backend.post({ boundTo: B });
  await backend.accept();
  await backend.sent({ boundTo: A });
  await backend.advance(2);
  const first = await backend.accept();
  const spare = await backend.accept();
  await backend.update({ minConnections: 4 }); // begins a dial, beside which there may be none
  await backend.advance(2);
  spare.hold();
  spare.fin();
  first.reset();
  await backend.settle();
  expect(backend.originStats(1).closed).toEqual({ stale: 1 });
});

describe('where there is no other any more, it goes back', () => {
  test('when the other is drained', async () => {
    const { backend, caller, first } = await full();
    await fails(backend, first);
    void backend.fleet.drain(B);
    await backend.settle();
    await backend.accept();
    expect(originOf(caller)).toBe(A);
  });

  test('when the other is in back-off', async () => {
    const { backend, caller, first, second } = await full();
    await fails(backend, first);
    second.answer({ close: true });
    await backend.settle();
    await backend.refuse();
    expect((await backend.accept()).origin).toBe(A);
    expect(originOf(caller)).toBe(A);
  });

  test('at once, when there was none', async () => {
    const { backend, caller, first } = await full();
    void backend.fleet.drain(B);
    await fails(backend, first);
    await backend.accept();
    expect(originOf(caller)).toBe(A);
  });

  test('or, bound to the one that failed, to another that takes its dial late', async () => {
    const backend = await MemoryBackend.open(SETTING);
    const caller = await backend.sent({ boundTo: A });
    const first = await backend.accept();
    const behind = await backend.sent({ boundTo: A });
    await fails(backend, first);
    await backend.advance(1_000);
    await backend.accept();
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
  const { backend, peers } = await full({
    origins: Array.from({ length: COUNT }, (_, index) => `http://o${index}.test:80`),
    retryBudget: { ratio: 1, minPerSecond: Number.POSITIVE_INFINITY },
    createOrigin: (...parts) => new Watched(...parts),
  });
  for (const peer of peers.slice(0, COUNT / 2)) peer.reset();
  await backend.settle();
  while (backend.dialling.length > 0) await backend.refuse();
  looks = 0;
  backend.dispatcher.matching.room();
  await backend.settle();
  expect([backend.queue.length, looks < 10 * COUNT]).toEqual([COUNT / 2, true]);
});
