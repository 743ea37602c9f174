import { describe, expect, test } from 'vitest';
import { MemoryBackend } from '../../memory-backend.js';

const [A, B] = ['http://a.test:80', 'http://b.test:80'];

describe('a request that waited for a slot', () => {
  test('fails with 503, and with the counts of each origin in its sentence', async () => {
    const backend = await MemoryBackend.open({ origins: [A, B], maxConnections: 1 });
    for (const _ of [1, 2]) {
      await backend.sent();
      await backend.accept();
    }
    const waiting = await backend.sent();
    await backend.sent();
    await backend.advance(5_000);
    expect(waiting.failure.message).toBe(
      `waited 5000 ms for a connection to ${A} (busy 1, idle 0, dialling 0) or ${B} (busy 1, idle 0, dialling 0), 1 waiting`,
    );
    expect(waiting.failure).toMatchObject({
      ...{ code: 'connection_limit_reached', statusCode: 503, delivery: 'unsent', attempts: [], retryAfter: 1 },
      counts: [
        { origin: A, busy: 1, idle: 0, dialling: 0 },
        { origin: B, busy: 1, idle: 0, dialling: 0 },
      ],
    });
  });

  test('names no more than ten origins in its sentence', async () => {
    const origins = Array.from({ length: 1_000 }, (_, index) => `http://o${index}.test`);
    const backend = await MemoryBackend.open({ origins });
    const waiting = await backend.sent();
    await backend.advance(5_000);
    expect(waiting.failure.message.match(/ or /g)).toHaveLength(10);
    expect(waiting.failure.message).toMatch(/ or any of 990 others, 0 waiting$/);
  });

  test('fails so although one of them is being dialled for a request that travels fresh', async () => {
    const backend = await MemoryBackend.open({ maxConnections: 2, connectTimeout: 60_000 });
    await backend.sent();
    await backend.accept();
    await backend.sent({ method: 'POST' });
    const waiting = await backend.sent();
    await backend.advance(5_000);
    expect(waiting.failure.message).toContain('(busy 1, idle 0, dialling 1)');
    expect(waiting.failure).toMatchObject({ code: 'connection_limit_reached', statusCode: 503 });
  });

  test('fails so although another origin could not be dialled', async () => {
    const backend = await MemoryBackend.open({ origins: [A, B], maxConnections: 1 });
    await backend.sent();
    await backend.accept();
    const waiting = await backend.sent();
    while (waiting.outcome === 'waiting') {
      await backend.advance(500);
      if (backend.dialling.length > 0) await backend.refuse();
    }
    expect(waiting.failure).toMatchObject({ code: 'connection_limit_reached', statusCode: 503 });
    expect(waiting.failure.message).toMatch(
      /busy 1, .* or http:\/\/b.test:80 \(in back-off since [\d.]+ s: ECONNREFUSED\)/,
    );
  });

  test('keeps what it has waited over all its waits, and what was tried', async () => {
    const backend = await MemoryBackend.open({ maxConnections: 1, queueTimeout: 1_000 });
    await backend.sent();
    const waiting = await backend.sent();
    const peer = await backend.accept();
    await backend.advance(600);
    peer.answer();
    await backend.settle();
    peer.reset();
    await backend.settle();
    await backend.advance(400);
    expect(waiting.failure.attempts).toHaveLength(1);
    expect(waiting.failure.message).toContain('waited 1000 ms');
    expect(waiting.failure.delivery).toBe('unknown');
  });
});

describe('a request that waited for a dial', () => {
  test.each([
    ['ECONNREFUSED', 'connection_refused', 502],
    ['ENOTFOUND', 'dns_error', 502],
    ['ETIMEDOUT', 'connection_timeout', 504],
  ])('that always ended with %s fails with %s', async (error, code, statusCode) => {
    const backend = await MemoryBackend.open();
    const caller = await backend.sent();
    while (caller.outcome === 'waiting') {
      if (backend.dialling.length > 0) await backend.refuse(error);
      await backend.advance(100);
    }
    expect(caller.failure).toMatchObject({ code, statusCode, delivery: 'unsent', attempts: [], origin: A });
    expect(caller.failure.cause).toMatchObject({ code, cause: { code: error } });
    expect(backend.clock.now()).toBe(5_000);
  });

  test('fails with the error of the dial although a request is still under way', async () => {
    const backend = await MemoryBackend.open();
    await backend.sent();
    await backend.accept();
    const caller = await backend.sent();
    while (caller.outcome === 'waiting') {
      if (backend.dialling.length > 0) await backend.refuse();
      await backend.advance(100);
    }
    expect(caller.failure).toMatchObject({ code: 'connection_refused', statusCode: 502 });
  });

  test('to be sent again fails with the origin that it was sent to, not with the one that could not be dialled', async () => {
    const backend = await MemoryBackend.open({ origins: [A, B] });
    await backend.sent();
    await backend.accept();
    const caller = await backend.sent();
    const peer = await backend.accept();
    peer.reset();
    await backend.settle();
    while (caller.outcome === 'waiting') {
      if (backend.dialling.length > 0) await backend.refuse();
      await backend.advance(100);
    }
    expect(caller.failure).toMatchObject({ code: 'connection_refused', delivery: 'unknown', cause: { origin: A } });
    expect([caller.failure.origin, caller.failure.attempts.map(({ origin }) => origin)]).toEqual([B, [B]]);
  });

  test('that hangs fails with 504 where both may take as long', async () => {
    const backend = await MemoryBackend.open({ connectTimeout: 5_000, queueTimeout: 5_000 });
    const caller = await backend.sent();
    await backend.advance(5_000);
    expect(caller.failure).toMatchObject({ code: 'connection_timeout', statusCode: 504, attempts: [] });
  });

  test('that still hangs when the wait is over fails with 504, for no slot was missing', async () => {
    const backend = await MemoryBackend.open({ connectTimeout: 60_000 });
    const caller = await backend.sent();
    await backend.advance(5_000);
    expect(caller.failure).toMatchObject({ code: 'connection_timeout', statusCode: 504, attempts: [] });
    expect(caller.failure.message).toBe(
      `waited 5000 ms for a connection to ${A} (busy 0, idle 0, dialling 1), 0 waiting`,
    );
  });

  test('whose certificate is bad fails at once', async () => {
    const backend = await MemoryBackend.open({ origins: ['https://a.test:443'] });
    const callers = [await backend.sent(), await backend.sent()];
    await backend.refuse('CERT_HAS_EXPIRED');
    expect(callers.map((caller) => caller.outcome)).toEqual(['tls_certificate_error', 'tls_certificate_error']);
    expect(backend.clock.now()).toBe(0);
  });

  test('whose certificate is bad goes to another origin that can be dialled', async () => {
    const backend = await MemoryBackend.open({ origins: ['https://a.test:443', 'https://b.test:443'] });
    const caller = await backend.sent();
    await backend.refuse('CERT_HAS_EXPIRED');
    (await backend.accept()).answer();
    await backend.settle();
    expect(caller.outcome).toBe(200);
  });
});

describe('while one of two origins has a bad certificate', () => {
  const [BAD, OTHER] = ['https://a.test:443', 'https://b.test:443'] as const;

  async function bothFail(code: string) {
    const backend = await MemoryBackend.open({ origins: [BAD, OTHER], balance: 'first', random: () => 0 });
    const caller = await backend.sent();
    await backend.refuse('CERT_HAS_EXPIRED');
    await backend.refuse(code);
    await backend.advance(1_000);
    for (const dial of backend.dialling) dial.refuse(dial.target.origin === BAD ? 'CERT_HAS_EXPIRED' : code);
    await backend.settle();
    return { backend, caller };
  }

  test('a request waits for the other, which is restarted', async () => {
    const { backend, caller } = await bothFail('ECONNREFUSED');
    expect(caller.outcome).toBe('waiting');
    await backend.advance(1_000);
    backend.peers.push(...backend.dialling.filter((dial) => dial.target.origin === OTHER).map((dial) => dial.open()));
    await backend.settle();
    backend.peers[0]?.answer();
    await backend.settle();
    expect(caller.outcome).toBe(200);
  });

  test('a request fails at once when that of the other is bad as well', async () => {
    const { backend, caller } = await bothFail('CERT_HAS_EXPIRED');
    const next = await backend.sent();
    await backend.advance(1_000);
    while (backend.dialling.length > 0) await backend.refuse('CERT_HAS_EXPIRED');
    expect([caller.outcome, next.outcome]).toEqual(['tls_certificate_error', 'tls_certificate_error']);
  });
});

describe('a request that the queue does not take', () => {
  test('fails with 503 at once when the queue is full', async () => {
    const backend = await MemoryBackend.open({ maxConnections: 1, maxQueue: 1 });
    await backend.sent();
    await backend.accept();
    await backend.sent();
    const refused = await backend.sent();
    expect(refused.failure.message).toBe(`the queue is full: ${A} (busy 1, idle 0, dialling 0), 1 waiting`);
    expect(refused.failure).toMatchObject({ code: 'connection_limit_reached', statusCode: 503, retryAfter: 1 });
    expect(backend.stats.queue.refused).toMatchObject({ full: 1 });
    expect(backend.eventsOf('refuse')).toHaveLength(1);
  });

  test('fails with 503 at once when the estimate is more than twice its time', async () => {
    const backend = await MemoryBackend.open({ maxConnections: 1, queueTimeout: 10_000 });
    for (let count = 0; count < 100; count += 1) {
      await backend.sent();
      if (count === 0) await backend.accept();
      backend.clock.advance(2_500);
      backend.peers[0]?.answer();
      await backend.settle();
    }
    const waiting = [];
    for (let count = 0; count < 10; count += 1) waiting.push(await backend.sent());
    const hopeless = await backend.sent();
    expect(waiting.filter((caller) => caller.over)).toEqual([]);
    expect(hopeless.failure.message).toMatch(/^the queue is too long to be served in time: /);
    expect(hopeless.failure.retryAfter).toBe(23); // nine wait, 2.5 s each
  });
});
