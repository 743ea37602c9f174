import { describe, expect, test } from 'vitest';
import type { FullReport, Tick } from '../../../src/status/report.js';
import { MOST_WATCHERS, StatusFeed, type Watcher } from '../../../src/status/status-feed.js';
import { ManualClock } from '../../../src/testing/index.js';
import { backendStats, Source } from './setting.js';

const options = { title: 'shop', interval: 1000 };

function open() {
  const clock = new ManualClock();
  const source = new Source();
  return { clock, source, feed: new StatusFeed(source, clock, options) };
}

class Told implements Watcher {
  readonly events: string[] = [];
  readonly messages: (FullReport & Tick)[] = [];
  takes = true;
  ended = false;

  tell(event: string, json: string): boolean {
    if (!this.takes) return false;
    this.events.push(event);
    this.messages.push(JSON.parse(json));
    return true;
  }

  end(): void {
    this.ended = true;
  }
}

describe('while nobody watches', () => {
  test('there is no timer and no listener', () => {
    const { clock, source } = open();
    expect([clock.pending, source.listening]).toEqual([0, 0]);
  });

  test('asking once for all that is known begins nothing', () => {
    const { clock, source, feed } = open();
    expect(feed.full()).toMatchObject({ version: 1, title: 'shop', history: [], news: [] });
    expect([clock.pending, source.listening]).toEqual([0, 0]);
  });
});

describe('whoever watches', () => {
  test('is told all at once, then what changes at each interval', () => {
    const { clock, source, feed } = open();
    const told = new Told();
    feed.watch(told);
    source.now = backendStats({ inFlight: 3 });
    clock.advance(2000);
    expect(told.events).toEqual(['full', 'tick', 'tick']);
    expect(told.messages.map((message) => message.inFlight ?? message.report.inFlight)).toEqual([0, 3, 3]);
  });

  test('gets a column when it is full, with the latencies in it', () => {
    const { clock, source, feed } = open();
    const told = new Told();
    feed.watch(told);
    source.answered(3);
    clock.advance(2000);
    expect(told.messages[1]?.column).toBeUndefined();
    expect(told.messages[2]?.column?.origins[0]?.latency.counts).toEqual([1]);
  });

  test('later than another gets what that one saw', () => {
    const { clock, source, feed } = open();
    feed.watch(new Told());
    source.emit('readmit', { origin: 'http://a.test:80' });
    clock.advance(4000);
    const told = new Told();
    feed.watch(told);
    expect(told.messages[0]?.history.length).toBe(3);
    expect(told.messages[0]?.news).toMatchObject([{ kind: 'readmit', origin: 'http://a.test:80', count: 1 }]);
  });

  test('and leaves takes the timer and the listeners with it, if it was the last', () => {
    const { clock, source, feed } = open();
    const [one, other] = [new Told(), new Told()];
    feed.watch(one);
    feed.watch(other);
    feed.leave(one);
    const between = [clock.pending, source.listening > 0];
    feed.leave(other);
    feed.leave(other);
    expect([between, clock.pending, source.listening]).toEqual([[1, true], 0, 0]);
  });

  test('and cannot take a message is told all when it can again', () => {
    const { clock, feed } = open();
    const told = new Told();
    feed.watch(told);
    told.takes = false;
    clock.advance(3000);
    told.takes = true;
    clock.advance(2000);
    expect(told.events).toEqual(['full', 'full', 'tick']);
  });

  test('is one of a limited number', () => {
    const { feed } = open();
    for (let n = 0; n < MOST_WATCHERS; n += 1) feed.watch(new Told());
    expect(feed.isFull).toBe(true);
  });
});

describe('whoever polls', () => {
  test('watches for a while, then nobody does', () => {
    const { clock, source, feed } = open();
    feed.poll();
    clock.advance(10_000);
    const during = [clock.pending, source.listening > 0];
    clock.advance(10_000);
    expect([during, clock.pending, source.listening]).toEqual([[1, true], 0, 0]);
  });

  test('finds the history of the time between', () => {
    const { clock, source, feed } = open();
    feed.poll();
    source.answered(1);
    clock.advance(2000);
    expect(feed.full().history.at(-1)?.origins[0]?.latency.counts).toEqual([1]);
  });

  test('is told what was made for all who do since the last update', () => {
    const { clock, source, feed } = open();
    const polled = () => JSON.parse(feed.poll()).inFlight;
    const first = polled();
    source.now = backendStats({ inFlight: 3 });
    const between = polled();
    clock.advance(1000);
    const afterwards = polled();
    source.now = backendStats({ inFlight: 5 });
    clock.advance(30_000); // nobody polls any more
    expect([first, between, afterwards, polled()]).toEqual([0, 0, 3, 5]);
  });
});

describe('when the backend is closed', () => {
  test('all who watch are told the last and sent away, and nothing is left', () => {
    const { clock, source, feed } = open();
    const told = new Told();
    feed.watch(told);
    source.now = backendStats({ state: 'closed' });
    feed.close();
    feed.close();
    expect([told.ended, told.messages.at(-1)?.report.state]).toEqual([true, 'closed']);
    expect([clock.pending, source.listening]).toEqual([0, 0]);
  });

  test('nobody begins to watch', () => {
    const { clock, feed } = open();
    feed.close();
    const told = new Told();
    feed.watch(told);
    feed.poll();
    expect([told.ended, told.events, clock.pending]).toEqual([true, [], 0]);
  });
});

test('connections are told one by one, in whole milliseconds', () => {
  const { source, feed } = open();
  source.slots = [{ slot: 3, state: 'idle', exchanges: 9, ageMs: 12.6, idleMs: 0.4 }];
  expect(feed.full().origins[0]).toMatchObject({
    maxConnections: 10,
    slots: [{ slot: 3, state: 'idle', exchanges: 9, ageMs: 13, idleMs: 0 }],
  });
});

test('more connections than are told one by one are counted by state', () => {
  const { source, feed } = open();
  const all = Array.from({ length: 600 }, (_, slot) => ({ slot, exchanges: 9, ageMs: 1, idleMs: 0 }));
  source.slots = all.map((one) => ({ ...one, state: one.slot < 550 ? 'busy' : 'tunnel' }));
  const [told] = feed.full().origins;
  expect([told?.slots.length, told?.states]).toMatchObject([512, { busy: 550, idle: 0, tunnel: 50 }]);
});
