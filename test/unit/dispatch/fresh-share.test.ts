/** `maxFreshConnections` bounds requests that are not idempotent. What is sent again needs a fresh connection, but no share of these. */

import { describe, expect, test } from 'vitest';
import { House, type HouseOptions } from '../../house.js';

const SETTING: HouseOptions = { maxConnections: 3, maxFreshConnections: 1, spareConnections: false };

describe('a GET that is sent again', () => {
  test('takes no share from a POST', async () => {
    const house = await House.open(SETTING);
    const reused = await house.idle();
    const get = await house.sent();
    reused.reset();
    await house.settle();
    await house.accept();
    const post = await house.post();
    await house.accept();
    expect([get.dispatch?.attempts.length, post.dispatch?.attempts.length]).toEqual([2, 1]);
  });

  test('waits for no share when its dial has failed', async () => {
    const house = await House.open(SETTING);
    const reused = await house.idle();
    const get = await house.sent();
    await house.post();
    await house.accept();
    reused.reset();
    await house.settle();
    const waits: string[] = [];
    house.emitter.on('wait', ({ travel }) => waits.push(travel));
    await house.refuse();
    await house.advance(25);
    const peer = await house.accept();
    await house.advance(100); // it may lead to a process that is dying
    peer.answer();
    await house.settle();
    expect([waits, get.outcome]).toEqual([['fresh'], 200]);
  });

  test('rides a spare while no share is left', async () => {
    const house = await House.open({ ...SETTING, maxConnections: 2, maxDialling: 1 });
    const reused = await house.idle();
    const get = await house.sent();
    const post = await house.post();
    const busy = await house.accept();
    reused.reset();
    await house.settle();
    expect([busy.requests, post.outcome, house.dialling.length]).toEqual([['POST /3'], 'waiting', 1]);
    await house.accept();
    await house.advance(100);
    expect(get.dispatch?.attempts.length).toBe(2);
  });
});

describe('a POST whose first write was refused', () => {
  test('keeps its share at its origin', async () => {
    const house = await House.open({ ...SETTING, minConnections: 1, maxConnections: 2 });
    (await house.accept()).near.refuseNextWrite();
    const refused = await house.post();
    const behind = await house.post();
    const dialled = house.dialling.length;
    (await house.accept()).answer({ close: true });
    await house.settle();
    expect([dialled, refused.outcome, behind.outcome]).toEqual([1, 200, 'waiting']);
  });

  test('waits for a share of the origin that it had better go to', async () => {
    let at = 1;
    const house = await House.open({
      ...{ ...SETTING, origins: ['http://a.test:80', 'http://b.test:80'], minConnections: 1 },
      balance: { pick: (candidates) => Math.min(at, candidates.length - 1) },
    });
    const [a, b] = [await house.accept(), await house.accept()];
    const slow = await house.post();
    at = 0;
    a.near.refuseNextWrite();
    const refused = await house.post();
    const before = [b.requests, refused.dispatch?.attempts.length, house.originStats(1).connections.dialling];
    b.answer({ close: true });
    await house.settle();
    (await house.accept()).answer();
    await house.settle();
    expect([before, slow.outcome, refused.outcome]).toEqual([[['POST /1'], 1, 0], 200, 200]);
    expect(refused.dispatch?.attempts.map(({ origin }) => origin)).toEqual(house.origins.map(({ name }) => name));
  });
});

describe('where one origin has no share left', () => {
  const [A, B, C] = ['http://a.test:80', 'http://b.test:80', 'http://c.test:80'] as const;
  const SHARED: HouseOptions = { ...SETTING, balance: 'first', ejection: { failures: 100 } };

  test('a POST gets a dial to another, though a request that is bound to a third waits as well', async () => {
    const house = await House.open({ ...SHARED, origins: [A, B, { url: C, maxConnections: 1 }] });
    await house.post();
    await house.accept();
    await house.sent({ boundTo: C });
    await house.accept();
    await house.sent({ boundTo: C });
    await house.post();
    expect(house.dialling.map(({ target }) => target.origin)).toEqual([B]);
  });

  test('its idle connection is not closed for a POST, though a re-send that avoids it waits as well', async () => {
    const house = await House.open({
      ...SHARED,
      origins: [A, { url: B, maxConnections: 1 }],
      maxConnections: 2,
      retryOn: [500],
    });
    await house.post();
    await house.accept();
    const again = await house.sent();
    const idle = await house.accept();
    await house.sent();
    await house.accept();
    idle.answer({ status: 500 });
    await house.settle();
    const post = await house.post();
    expect([again.outcome, post.outcome, idle.closed, house.dialling.length]).toEqual(['waiting', 'waiting', false, 0]);
  });
});

describe('a POST that is held back while its origin may be shutting down', () => {
  const HOME = 'http://a.test:80';

  /** Two POSTs of a session, whose origin has just closed several connections; the dial of the first has succeeded. */
  async function heldBack() {
    const house = await House.open({ ...SETTING, origins: [HOME, 'http://b.test:80'], sticky: { cookie: 'at' } });
    for (const _ of 'ab') await house.sent({ boundTo: HOME });
    for (const peer of [await house.accept(), await house.accept()]) peer.answer();
    await house.settle();
    for (const peer of house.peers) peer.fin();
    await house.settle();
    const [first, second] = [await house.post({ boundTo: HOME }), await house.post({ boundTo: HOME })];
    const peer = await house.accept();
    return { house, first, second, peer };
  }

  test('has its share already', async () => {
    const { house, second, peer } = await heldBack();
    const third = await house.post({ boundTo: HOME });
    expect([peer.requests, house.dialling, house.origin().freshShareLeft]).toEqual([[], [], 0]);
    await house.advance(100);
    expect([peer.requests, second.dispatch?.attempts, third.dispatch?.attempts]).toEqual([['POST /3'], [], []]);
  });

  test('gives its share back when its client leaves', async () => {
    const { house, first, second } = await heldBack();
    first.abort();
    await house.advance(100);
    expect([second.dispatch?.attempts.length, house.origin().freshShareLeft]).toEqual([1, 0]);
    house.peerOf(second)?.answer();
    await house.settle();
    expect(house.origin().freshShareLeft).toBe(1);
  });

  test('gives its share back when its connection is closed', async () => {
    const { house, peer, first } = await heldBack();
    peer.fin();
    await house.settle();
    first.abort();
    await house.advance(100);
    expect([house.dialling.length, house.origin().freshShareLeft]).toEqual([1, 0]);
    house.dialling[0]?.refuse();
    await house.settle();
    expect(house.origin().freshShareLeft).toBe(1);
  });
});
