import { describe, expect, test } from 'vitest';
import { asReply, asRequest } from '../../../src/fleet/share-message.js';

const about = { member: 'b', origin: 'http://a.test:80' };

test.each([
  { pooledBackend: 'ask', ...about, total: 5 },
  { pooledBackend: 'answer', ...about, turn: 1, held: 0 },
  { pooledBackend: 'leave', ...about },
])('a worker may say %j', (message) => {
  expect([asRequest(message), asReply(message)]).toEqual([message, undefined]);
});

test.each([
  { pooledBackend: 'order', ...about, share: 3, turn: 1 },
  { pooledBackend: 'later', ...about, total: 3, members: 2 },
  { pooledBackend: 'refusal', ...about, total: 3, members: 3 },
])('the primary may say %j', (message) => {
  expect([asReply(message), asRequest(message)]).toEqual([message, undefined]);
});

describe('what others say is not ours, and neither is what lacks something', () => {
  test.each([
    'online',
    null,
    undefined,
    {},
    { cmd: 'NODE_CLUSTER' },
    { pooledBackend: 'shout', ...about },
    { pooledBackend: 'toString', ...about },
    { pooledBackend: 'ask', ...about },
    { pooledBackend: 'ask', ...about, total: '5' },
    { pooledBackend: 'order', ...about, share: Number.NaN, turn: 1 },
    { pooledBackend: 'leave', member: 'b' },
  ])('%j', (message) => {
    expect([asRequest(message), asReply(message)]).toEqual([undefined, undefined]);
  });
});
