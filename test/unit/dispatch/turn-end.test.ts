import { expect, test, vi } from 'vitest';
import { TurnEnd } from '../../../src/dispatch/turn-end.js';
import { ManualClock } from '../../../src/testing/index.js';
import { MemoryBackend, requester } from '../../memory-backend.js';

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
  const backend = await MemoryBackend.open({ maxConnections: 2 });
  const peer = await backend.idle();
  const callers = [backend.send(), backend.send()];
  expect([peer.requests, backend.dialling.length]).toEqual([['GET /1'], 0]);
  peer.fin();
  await backend.settle();
  expect([peer.requests, backend.dialling.length]).toEqual([['GET /1'], 2]);
  expect(callers.map(({ dispatch }) => dispatch?.attempts)).toEqual([[], []]);
});

test('a request whose client leaves within the turn is not sent', async () => {
  const backend = await MemoryBackend.open();
  const peer = await backend.idle();
  backend.send().abort();
  await backend.settle();
  expect(peer.requests).toEqual(['GET /1']);
  backend.checkAtRest();
});

test('a request is admitted in the context that it was made in, whoever else came in the turn', async () => {
  const contexts = new Set<string | undefined>();
  const key = () => {
    contexts.add(requester.getStore());
    return 'key';
  };
  const backend = await MemoryBackend.open({
    origins: ['http://a.test', 'http://b.test'],
    balance: { type: 'hash', key },
  });
  backend.send();
  await backend.sent();
  expect([...contexts]).toEqual(['r1', 'r2']);
});

test('a request that cannot be written is refused at once, before anything else is heard', async () => {
  const backend = await MemoryBackend.open();
  const caller = backend.send({ path: '/a b' });
  expect(caller.error?.code).toBe('http_request_error');
});
