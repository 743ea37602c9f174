import { describe, expect, test } from 'vitest';
import { House } from '../../house.js';

describe('an origin that speaks before it is asked', () => {
  test('is dialled again after a back-off, not in a loop, and its requests keep waiting', async () => {
    const house = await House.open();
    const caller = await house.sent();
    await house.accept({ spokeFirst: true });
    const atOnce = house.dialling.length;
    await house.advance(26);
    expect([atOnce, house.dialling.length, caller.outcome]).toEqual([0, 1, 'waiting']);
    expect(house.originStats()).toMatchObject({ dialled: 0, dialsFailed: 1, poisoned: 1, connections: { open: 0 } });
  });

  test('does not strand the request that had a dial of its own', async () => {
    const house = await House.open();
    const caller = await house.sent();
    const peer = await house.accept();
    peer.reset();
    await house.settle();
    await house.accept({ spokeFirst: true });
    await house.advance(26);
    (await house.accept()).answer();
    await house.settle();
    expect(caller.outcome).toBe(200);
  });
});

describe('a connection that was dialled for a re-send while the server seemed to go', () => {
  /** Two connections are lost; the dial for the re-send has just ended. Another request waits for a dial that hangs. */
  async function held() {
    const house = await House.open({ maxConnections: 2 });
    await house.sent();
    await house.sent();
    const peers = [await house.accept(), await house.accept()];
    for (const peer of peers) peer.answer();
    await house.settle();
    const caller = await house.sent();
    const riding = house.peerOf(caller);
    for (const peer of peers) if (peer !== riding) peer.fin();
    await house.settle();
    riding?.reset();
    await house.settle();
    const fresh = await house.accept();
    const waiting = await house.sent();
    return { house, caller, fresh, waiting };
  }

  test('carries it a moment later', async () => {
    const { house, caller, fresh } = await held();
    const before = fresh.requests.length;
    await house.advance(50);
    fresh.answer();
    await house.settle();
    expect([before, fresh.requests[0], caller.outcome]).toEqual([0, 'GET /3', 200]);
  });

  test('is lent to whoever waits when the re-send is aborted meanwhile', async () => {
    const { house, caller, fresh } = await held();
    caller.abort();
    await house.advance(50);
    expect(fresh.requests).toEqual(['GET /4']);
  });

  test('is lent to nobody when it has heard something meanwhile', async () => {
    const { house, caller, fresh, waiting } = await held();
    caller.abort();
    fresh.hold();
    fresh.send('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad');
    await house.advance(50);
    expect([waiting.outcome, fresh.requests, house.originStats().poisoned]).toEqual(['waiting', [], 1]);
  });

  test('leads to another dial when it is closed meanwhile', async () => {
    const { house, caller, fresh } = await held();
    fresh.fin();
    await house.settle();
    await house.advance(50);
    for (const dial of house.dialling) house.peers.push(dial.open());
    await house.settle();
    expect([caller.outcome, house.peerOf(caller)?.closed]).toEqual(['waiting', false]);
  });
});
