import { expect, test, vi } from 'vitest';
import { TurnEnd } from '../../../src/dispatch/turn-end.js';
import { ManualClock } from '../../../src/testing/index.js';
import { House, requester } from '../../house.js';

test('what a turn has gathered is done at its end, in order, and what comes of it at the end of the next', () => {
  const clock = new ManualClock();
  const turnEnd = new TurnEnd(clock);
  const done: string[] = [];
  turnEnd.add({
    turnEnded() {
      done.push('a');
      turnEnd.add({ turnEnded: () => void done.push('c') });
    },
  });
  turnEnd.add({ turnEnded: () => void done.push('b') });
  expect([done, clock.pending]).toEqual([[], 1]);
  clock.runSoon();
  expect([...done]).toEqual(['a', 'b']);
  clock.runSoon();
  expect([done, clock.pending]).toEqual([['a', 'b', 'c'], 0]);
});

test('one that throws does not keep the others waiting, and is seen', async () => {
  const seen = new Promise((resolve) => {
    const before = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    process.once('uncaughtException', (error) => {
      for (const listener of before) process.on('uncaughtException', listener);
      resolve(error);
    });
  });
  const clock = new ManualClock();
  const turnEnd = new TurnEnd(clock);
  const done = vi.fn();
  const error = new Error('thrown at the end of a turn');
  turnEnd.add({
    turnEnded() {
      throw error;
    },
  });
  turnEnd.add({ turnEnded: done });
  clock.runSoon();
  expect(done).toHaveBeenCalledOnce();
  expect(await seen).toBe(error);
});

test('the requests of a turn are sent at its end, after what else it brought: a close costs none of them', async () => {
  const house = await House.open({ maxConnections: 2 });
  const peer = await house.idle();
  const callers = [house.send(), house.send()];
  expect([peer.requests, house.dialling.length]).toEqual([['GET /1'], 0]);
  peer.fin();
  await house.settle();
  expect([peer.requests, house.dialling.length]).toEqual([['GET /1'], 2]);
  expect(callers.map(({ dispatch }) => dispatch?.attempts)).toEqual([[], []]);
});

test('a request whose client leaves within the turn is not sent', async () => {
  const house = await House.open();
  const peer = await house.idle();
  house.send().abort();
  await house.settle();
  expect(peer.requests).toEqual(['GET /1']);
  house.checkAtRest();
});

test('a request is admitted in the context that it was made in, whoever else came in the turn', async () => {
  const contexts = new Set<string | undefined>();
  const key = () => {
    contexts.add(requester.getStore());
    return 'key';
  };
  const house = await House.open({ origins: ['http://a.test', 'http://b.test'], balance: { type: 'hash', key } });
  house.send();
  await house.sent();
  expect([...contexts]).toEqual(['r1', 'r2']);
});

test('a request that cannot be written is refused at once, before anything else is heard', async () => {
  const house = await House.open();
  const caller = house.send({ path: '/a b' });
  expect(caller.error?.code).toBe('http_request_error');
});
