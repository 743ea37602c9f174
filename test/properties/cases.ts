/**
 * Shrunk histories that once broke a promise, with faults that were found in the library, or planted in it
 * (`npm run planted`). They are played before all others.
 */

import type { MemoryBackendOptions } from '../memory-backend.js';
import type { Plan, Step } from './history.js';

const ONE = 'http://a.test:80';
const TWO = [ONE, 'http://b.test:80'];
const HASH = { type: 'hash', key: 'path', load: 1 } as const;

/** `words`: one step for each word. A step with a `+` shares its turn with the next one. */
function shrunk(words: string, options: Partial<MemoryBackendOptions & { asks: boolean }> = {}): [Plan, Step[]] {
  const plan: Plan = {
    ...{ asks: false, origins: [ONE], maxConnections: 1, spareConnections: false, maxQueue: 3 },
    ...{ ejection: { failures: 1 }, retryOn: [503] },
    ...options,
  };
  return [plan, words.split(' ').map(stepOf)];
}

function stepOf(word: string): Step {
  const [kind = '', n = '0'] = word.replace('+', '').split(':');
  return { kind: kind as Step['kind'], n: Number(n), together: word.endsWith('+') };
}

export const CASES: [Plan, Step[]][] = [
  // Found: an origin that came back in the moment between its close and its removal was refused.
  shrunk('remove+ add get'),
  // A POST was sent again.
  shrunk('any accept+ fin get'),
  shrunk('get any abort accept fin'),
  // Bytes that were in the kernel before the request were taken for its answer.
  shrunk('accept hiddenStray get', { minConnections: 1, asks: true }),
  // There were more connections than allowed.
  shrunk('get+ get'),
  shrunk('get get get get+ get', { maxConnections: 4 }),
  shrunk('get update get', { maxConnections: 2 }),
  shrunk('post accept halfAHead update+', {
    minConnections: 1,
    spareConnections: 2,
    maxConnections: 2,
    maxFreshConnections: 2,
  }),
  // Waiters were lost.
  shrunk('get get'),
  shrunk('get get', { maxConnections: 2 }),
  shrunk('speakFirst+ get get', { minConnections: 1, maxConnections: 2 }),
  shrunk('get remove', { origins: TWO, balance: HASH }),
  // Found: a request waited for the end of a dial that nobody else wanted any more, beside an empty slot.
  shrunk('post boundPost accept get answer', {
    origins: [ONE, { url: 'http://b.test:80', backup: true }],
    maxConnections: 3,
    maxFreshConnections: 1,
    balance: HASH,
  }),
  shrunk('boundPost boundPost accept any answer', { maxConnections: 3, maxFreshConnections: 1 }),
];
