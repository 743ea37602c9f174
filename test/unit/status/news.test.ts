import { describe, expect, test } from 'vitest';
import { BackendError } from '../../../src/errors.js';
import { News } from '../../../src/status/news.js';
import { Source } from './setting.js';

const A = 'http://a.test:80';

function listening() {
  const now = { at: 0 };
  const source = new Source();
  const news = new News(() => now.at);
  news.listen(source);
  return { now, source, news };
}

test('each event is told in a sentence, without the path', () => {
  const { source, news } = listening();
  const error = new BackendError('connection_terminated', 'secret', { delivery: 'unknown', origin: A });
  const asked = { request: 1, method: 'POST', path: '/secret' };
  source.emit('eject', { origin: A, reason: 'connection_refused', forMs: 999.7 });
  source.emit('readmit', { origin: A });
  source.emit('failOpen', { origins: [A] });
  source.emit('poisoned', { origin: A, heard: 'HTTP/1.1 408' });
  source.emit('dialFailed', { origin: A, error, retryInMs: 25 });
  source.emit('reachable', { origin: A, failures: 3, afterMs: 1234 });
  source.emit('resend', { ...asked, origin: A, reason: 'reused-closed' });
  source.emit('fail', {
    ...asked,
    error,
    durationMs: 1,
    waitedMs: 0,
    connectMs: 0,
    responseMs: undefined,
    sentBytes: 0,
    receivedBytes: 0,
  });
  source.emit('refuse', { ...asked, error });
  source.emit('stale', { origin: A, swept: 2 });
  expect(news.items.map(({ kind, text }) => `${kind}: ${text}`).toReversed()).toEqual([
    'eject: ejected for 1 s: connection_refused',
    'readmit: is back',
    'failOpen: too many origins are out: all of them are tried',
    'poisoned: sent bytes that nobody had asked for',
    'dialFailed: dial failed: connection_terminated',
    'reachable: could be dialled again after 1.2 s',
    'resend: POST sent again: reused-closed',
    'fail: POST failed: connection_terminated, delivery unknown',
    'refuse: POST refused: connection_terminated',
    'stale: closed idle connections',
  ]);
  expect(JSON.stringify(news.items)).not.toContain('secret');
});

describe('the same again', () => {
  test('is counted, and comes to the front', () => {
    const { now, source, news } = listening();
    source.emit('readmit', { origin: A });
    source.emit('readmit', { origin: 'http://b.test:80' });
    now.at = 9000;
    source.emit('readmit', { origin: A });
    expect(news.items).toEqual([
      { kind: 'readmit', origin: A, text: 'is back', at: 9000, count: 2 },
      { kind: 'readmit', origin: 'http://b.test:80', text: 'is back', at: 0, count: 1 },
    ]);
  });

  test('after a while is another item', () => {
    const { now, source, news } = listening();
    source.emit('readmit', { origin: A });
    now.at = 10_000;
    source.emit('readmit', { origin: A });
    expect(news.items.map(({ count }) => count)).toEqual([1, 1]);
  });
});

test('there are so many items at the most, the newest', () => {
  const { source, news } = listening();
  for (let n = 0; n < 100; n += 1) source.emit('readmit', { origin: `http://${n}.test:80` });
  expect([news.items.length, news.items[0]?.origin]).toEqual([40, 'http://99.test:80']);
});

test('changed() tells them once', () => {
  const { source, news } = listening();
  source.emit('readmit', { origin: A });
  expect([news.changed()?.length, news.changed()]).toEqual([1, undefined]);
});

test('stop() takes every listener away', () => {
  const { source, news } = listening();
  news.stop(source);
  expect(source.listening).toBe(0);
});
