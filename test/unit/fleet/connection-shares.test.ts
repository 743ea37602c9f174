import { describe, expect, test } from 'vitest';
import type { PrimaryChannel } from '../../../src/fleet/primary-channel.js';
import type { ShareReply, ShareRequest } from '../../../src/fleet/share-message.js';
import { MemoryBackend, type MemoryBackendOptions } from '../../memory-backend.js';

const A = 'http://a.test:80';

/** A primary that says what the test says. */
class Primary implements PrimaryChannel {
  readonly heard: ShareRequest[] = [];
  #hear: ((reply: ShareReply) => void) | undefined;
  #turn = 0;

  get isHeard(): boolean {
    return this.#hear !== undefined;
  }

  send(request: ShareRequest): void {
    this.heard.push(request);
  }

  listen(hear: (reply: ShareReply) => void): () => void {
    this.#hear = hear;
    return () => {
      this.#hear = undefined;
    };
  }

  order(share: number, member = 'backend/1'): void {
    this.#turn += 1;
    this.#hear?.({ pooledBackend: 'order', member, origin: A, share, turn: this.#turn });
  }

  putOff(): void {
    this.#hear?.({ pooledBackend: 'later', member: 'backend/1', origin: A, total: 4, members: 2 });
  }

  refuse(): void {
    this.#hear?.({ pooledBackend: 'refusal', member: 'backend/1', origin: A, total: 4, members: 4 });
  }

  /** What was answered to each order: how many are held. */
  get answers(): readonly number[] {
    return this.heard.flatMap((request) => (request.pooledBackend === 'answer' ? [request.held] : []));
  }
}

async function open(options: MemoryBackendOptions = {}) {
  const primary = new Primary();
  const backend = await MemoryBackend.open({ channel: primary, maxConnections: { total: 10 }, ...options });
  const max = () => backend.originStats().connections.max;
  return { primary, backend, max };
}

test('a backend asks for a share of each origin', async () => {
  const { primary } = await open({ origins: [A, { url: 'http://b.test:80', maxConnections: { total: 3 } }] });
  expect(primary.heard).toEqual([
    { pooledBackend: 'ask', member: 'backend/1', origin: A, total: 10 },
    { pooledBackend: 'ask', member: 'backend/2', origin: 'http://b.test:80', total: 3 },
  ]);
});

test('an origin with a cap of its own asks nobody', async () => {
  const { primary, backend } = await open({ origins: [{ url: A, maxConnections: 3 }] });
  await backend.sent();
  expect([primary.heard, backend.dialling.length]).toEqual([[], 1]);
});

test('without a share nothing is dialled; with one, no more than that', async () => {
  const { primary, backend } = await open();
  for (let count = 0; count < 5; count += 1) await backend.sent();
  const before = backend.dialling.length;
  primary.order(2);
  await backend.settle();
  expect([before, backend.dialling.length, primary.answers]).toEqual([0, 2, [2]]);
});

test('a request that waits in vain for the share says so', async () => {
  const { backend } = await open();
  const caller = await backend.sent({ queueTimeout: 100 });
  await backend.advance(150);
  expect([caller.outcome, caller.error?.statusCode]).toEqual(['connection_limit_reached', 503]);
  expect(caller.error?.message).toContain(`${A} (no share of its connections yet)`);
});

describe('a share that shrinks', () => {
  async function busyThree() {
    const { primary, backend, max } = await open();
    primary.order(3);
    await backend.settle();
    const callers = [await backend.sent(), await backend.sent(), await backend.sent()];
    const peers = [await backend.accept(), await backend.accept(), await backend.accept()];
    await backend.settle();
    primary.heard.length = 0;
    return { primary, backend, max, callers, peers };
  }

  test('closes what is idle at once', async () => {
    const { primary, backend, peers } = await busyThree();
    for (const peer of peers) peer.answer();
    await backend.settle();
    primary.order(1);
    await backend.settle();
    expect([primary.answers.at(-1), backend.originStats().connections.open]).toEqual([1, 1]);
  });

  test('waits for what is busy, and tells of each that is closed', async () => {
    const { primary, backend, peers, callers } = await busyThree();
    primary.order(1);
    await backend.settle();
    for (const peer of peers.slice(0, 2)) {
      peer.answer();
      await backend.settle();
    }
    expect(primary.answers).toEqual([3, 2, 1]);
    peers[2]?.answer();
    await backend.settle();
    expect(callers.map(({ outcome }) => outcome)).toEqual([200, 200, 200]);
    expect(primary.answers).toEqual([3, 2, 1]);
  });

  test('and grows before it has shrunk is told once more', async () => {
    const { primary, backend, max } = await busyThree();
    primary.order(1);
    primary.order(5);
    await backend.settle();
    expect([primary.answers, max()]).toEqual([[3, 5], 5]);
  });
});

test('a change of weight keeps the share', async () => {
  const { primary, backend, max } = await open();
  primary.order(4);
  backend.fleet.setWeight(A, 7);
  expect(max()).toBe(4);
});

test('a total that is changed while it is shared is refused', async () => {
  const { backend } = await open();
  await expect(async () => backend.fleet.replace([{ url: A, maxConnections: { total: 5 } }])).rejects.toThrow(
    `origins[0].maxConnections.total cannot be changed for ${A}: it is 10, got 5`,
  );
});

test('an origin that is taken out gives its share back', async () => {
  const { primary, backend } = await open({ origins: [A, { url: 'http://b.test:80', maxConnections: 1 }] });
  primary.order(4);
  await backend.fleet.remove(A);
  expect(primary.heard.at(-1)).toEqual({ pooledBackend: 'leave', member: 'backend/1', origin: A });
});

test('what was said of an origin before it was taken out says nothing once it is back', async () => {
  const { primary, backend, max } = await open();
  primary.order(4);
  await backend.fleet.remove(A);
  backend.fleet.add(A);
  primary.order(4);
  expect([max(), primary.answers]).toEqual([0, [4]]);
  primary.order(2, 'backend/2');
  expect(max()).toBe(2);
});

test('an origin that comes after the backend was closed asks for no share', async () => {
  const { primary, backend } = await open({ origins: [{ url: 'http://b.test:80', maxConnections: 1 }] });
  backend.destroy();
  backend.fleet.add(A);
  expect([primary.heard, primary.isHeard]).toEqual([[], false]);
});

test('what is said to another backend of the process is not heard', async () => {
  const { primary, max } = await open();
  primary.order(4, 'another');
  expect([max(), primary.answers]).toEqual([0, []]);
});

test('a primary that does not answer is asked every second, and told of after five', async () => {
  const { primary, backend } = await open();
  await backend.advance(4_900);
  const before = [primary.heard.length, backend.eventsOf('shareRefused').length];
  await backend.advance(2_100);
  expect([before, primary.heard.length]).toEqual([[5, 0], 8]);
  expect(backend.eventsOf('shareRefused')).toMatchObject([
    { origin: A, error: { code: 'proxy_configuration_error', message: expect.stringContaining('shareConnections()') } },
  ]);
});

test('where the others have not closed any, that is what is told after five seconds', async () => {
  const { primary, backend, max } = await open();
  primary.putOff();
  await backend.advance(7_000);
  expect(backend.eventsOf('shareRefused')).toMatchObject([
    { error: { message: expect.stringContaining('the 2 that share the total of 4 have not closed one') } },
  ]);
  primary.order(1);
  expect(max()).toBe(1);
});

test('one that answers late is heard', async () => {
  const { primary, backend, max } = await open();
  await backend.advance(10_000);
  primary.order(2);
  const asked = primary.heard.length;
  await backend.advance(10_000);
  expect([max(), primary.heard.length, backend.eventsOf('shareChanged')]).toEqual([
    2,
    asked,
    [{ origin: A, share: 2, total: 10 }],
  ]);
});

test('a refusal is told, and a share that comes later counts', async () => {
  const { primary, backend, max } = await open();
  primary.refuse();
  primary.order(1);
  expect([backend.eventsOf('shareRefused').length, max()]).toEqual([1, 1]);
  expect(backend.eventsOf('shareRefused')).toMatchObject([
    { error: { message: expect.stringContaining('a total of 4 connections leaves none') } },
  ]);
});

test('it is settled once the primary has answered', async () => {
  const { primary, backend } = await open();
  let settled = false;
  void backend.shares.settled().then(() => {
    settled = true;
  });
  await backend.settle();
  const before = settled;
  primary.order(1);
  await backend.settle();
  expect([before, settled]).toEqual([false, true]);
});

test('an origin is ready with as much of the minimum as its share allows', async () => {
  const { primary, backend } = await open({ minConnections: 3 });
  primary.order(2);
  await backend.settle();
  let ready = false;
  void backend
    .origin()
    .ready()
    .then(() => {
      ready = true;
    });
  await backend.accept();
  await backend.settle();
  const before = ready;
  await backend.accept();
  await backend.settle();
  expect([before, ready]).toEqual([false, true]);
});

test('a backend that is closed gives its shares back and hears no more', async () => {
  const { primary, backend } = await open();
  primary.order(1);
  backend.destroy();
  expect([primary.heard.at(-1), primary.isHeard]).toEqual([
    { pooledBackend: 'leave', member: 'backend/1', origin: A },
    false,
  ]);
});

test('where there is no primary a total without workers is refused', async () => {
  await expect(MemoryBackend.open({ maxConnections: { total: 10 } })).rejects.toThrow(
    'maxConnections.workers must be given with total outside a worker of node:cluster',
  );
});
