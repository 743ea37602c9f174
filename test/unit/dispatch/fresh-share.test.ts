/** `maxFreshConnections` bounds requests that are not idempotent. What is sent again needs a fresh connection, but no share of these. */

import { describe, expect, test } from 'vitest';
import { MemoryBackend, type MemoryBackendOptions } from '../../memory-backend.js';

const SETTING: MemoryBackendOptions = { maxConnections: 3, maxFreshConnections: 1, spareConnections: false };

describe('a GET that is sent again', () => {
  test('takes no share from a POST', async () => {
    const backend = await MemoryBackend.open(SETTING);
    const reused = await backend.idle();
    const get = await backend.sent();
    reused.reset();
    await backend.settle();
    await backend.accept();
    const post = await backend.post();
    await backend.accept();
    expect([get.dispatch?.attempts.length, post.dispatch?.attempts.length]).toEqual([2, 1]);
  });

  test('waits for no share when its dial has failed', async () => {
    const backend = await MemoryBackend.open(SETTING);
    const reused = await backend.idle();
    const get = await backend.sent();
    await backend.post();
    await backend.accept();
    reused.reset();
    await backend.settle();
    const waits: string[] = [];
    backend.emitter.on('wait', ({ travel }) => waits.push(travel));
    await backend.refuse();
    await backend.advance(25);
    const peer = await backend.accept();
    await backend.advance(100); // it may lead to a process that is dying
    peer.answer();
    await backend.settle();
    expect([waits, get.outcome]).toEqual([['fresh'], 200]);
  });

  test('rides a spare while no share is left', async () => {
    const backend = await MemoryBackend.open({ ...SETTING, maxConnections: 2, maxDialling: 1 });
    const reused = await backend.idle();
    const get = await backend.sent();
    const post = await backend.post();
    const busy = await backend.accept();
    reused.reset();
    await backend.settle();
    expect([busy.requests, post.outcome, backend.dialling.length]).toEqual([['POST /3'], 'waiting', 1]);
    await backend.accept();
    await backend.advance(100);
    expect(get.dispatch?.attempts.length).toBe(2);
  });
});

describe('a POST whose first write was refused', () => {
  test('keeps its share at its origin', async () => {
    const backend = await MemoryBackend.open({ ...SETTING, minConnections: 1, maxConnections: 2 });
    (await backend.accept()).near.refuseNextWrite();
    const refused = await backend.post();
    const behind = await backend.post();
    const dialled = backend.dialling.length;
    (await backend.accept()).answer({ close: true });
    await backend.settle();
    expect([dialled, refused.outcome, behind.outcome]).toEqual([1, 200, 'waiting']);
  });

  test('waits for a share of the origin that it had better go to', async () => {
    let at = 1;
    const backend = await MemoryBackend.open({
      ...{ ...SETTING, origins: ['http://a.test:80', 'http://b.test:80'], minConnections: 1 },
      balance: { pick: (candidates) => Math.min(at, candidates.length - 1) },
    });
    const [a, b] = [await backend.accept(), await backend.accept()];
    const slow = await backend.post();
    at = 0;
    a.near.refuseNextWrite();
    const refused = await backend.post();
    const before = [b.requests, refused.dispatch?.attempts.length, backend.originStats(1).connections.dialling];
    b.answer({ close: true });
    await backend.settle();
    (await backend.accept()).answer();
    await backend.settle();
    expect([before, slow.outcome, refused.outcome]).toEqual([[['POST /1'], 1, 0], 200, 200]);
    expect(refused.dispatch?.attempts.map(({ origin }) => origin)).toEqual(backend.origins.map(({ name }) => name));
  });
});

describe('where one origin has no share left', () => {
  const [A, B, C] = ['http://a.test:80', 'http://b.test:80', 'http://c.test:80'] as const;
  const SHARED: MemoryBackendOptions = { ...SETTING, balance: 'first', ejection: { failures: 100 } };

  test('a POST gets a dial to another, though a request that is bound to a third waits as well', async () => {
    const backend = await MemoryBackend.open({ ...SHARED, origins: [A, B, { url: C, maxConnections: 1 }] });
    await backend.post();
    await backend.accept();
    await backend.sent({ boundTo: C });
    await backend.accept();
    await backend.sent({ boundTo: C });
    await backend.post();
    expect(backend.dialling.map(({ target }) => target.origin)).toEqual([B]);
  });

  test('its idle connection is not closed for a POST, though a re-send that avoids it waits as well', async () => {
    const backend = await MemoryBackend.open({
      ...SHARED,
      origins: [A, { url: B, maxConnections: 1 }],
      maxConnections: 2,
      retryOn: [500],
    });
    await backend.post();
    await backend.accept();
    const again = await backend.sent();
    const idle = await backend.accept();
    await backend.sent();
    await backend.accept();
    idle.answer({ status: 500 });
    await backend.settle();
    const post = await backend.post();
    expect([again.outcome, post.outcome, idle.closed, backend.dialling.length]).toEqual([
      'waiting',
      'waiting',
      false,
      0,
    ]);
  });
});

describe('a POST that is held back while its origin may be shutting down', () => {
  const HOME = 'http://a.test:80';

  /** Two POSTs of a session, whose origin has just closed several connections; the dial of the first has succeeded. */
  async function heldBack() {
    const backend = await MemoryBackend.open({
      ...SETTING,
      origins: [HOME, 'http://b.test:80'],
      sticky: { cookie: 'at' },
    });
    for (const _ of 'ab') await backend.sent({ boundTo: HOME });
    for (const peer of [await backend.accept(), await backend.accept()]) peer.answer();
    await backend.settle();
    for (const peer of backend.peers) peer.fin();
    await backend.settle();
    const [first, second] = [await backend.post({ boundTo: HOME }), await backend.post({ boundTo: HOME })];
    const peer = await backend.accept();
    return { backend, first, second, peer };
  }

  test('has its share already', async () => {
    const { backend, second, peer } = await heldBack();
    const third = await backend.post({ boundTo: HOME });
    expect([peer.requests, backend.dialling, backend.origin().freshShareLeft]).toEqual([[], [], 0]);
    await backend.advance(100);
    expect([peer.requests, second.dispatch?.attempts, third.dispatch?.attempts]).toEqual([['POST /3'], [], []]);
  });

  test('gives its share back when its client leaves', async () => {
    const { backend, first, second } = await heldBack();
    first.abort();
    await backend.advance(100);
    expect([second.dispatch?.attempts.length, backend.origin().freshShareLeft]).toEqual([1, 0]);
    backend.peerOf(second)?.answer();
    await backend.settle();
    expect(backend.origin().freshShareLeft).toBe(1);
  });

  test('gives its share back when its connection is closed', async () => {
    const { backend, peer, first } = await heldBack();
    peer.fin();
    await backend.settle();
    first.abort();
    await backend.advance(100);
    expect([backend.dialling.length, backend.origin().freshShareLeft]).toEqual([1, 0]);
    backend.dialling[0]?.refuse();
    await backend.settle();
    expect(backend.origin().freshShareLeft).toBe(1);
  });
});
