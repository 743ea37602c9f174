/**
 * Small backends, driven through every order of events with at most one fault: no promise is broken in any state, and from
 * every state all requests come to an end. Larger ones: `npm run explore -- --help`.
 */

import { expect, test } from 'vitest';
import type { Kind, Setting } from './events.js';
import { explore } from './explore.js';

const PAIRS: readonly (readonly Kind[])[] = [
  ['get', 'fresh'],
  ['fresh', 'get'],
  ['any', 'get'],
];

const ONE = { origins: 1, slots: 1, faults: 1, spares: 0 };

const settings: readonly Setting[] = [
  ...PAIRS.map((requests) => ({ ...ONE, requests })),
  { ...ONE, slots: 2, requests: ['get', 'get'] },
];

test.each(settings)(
  '$requests on $slots connection(s), in every order of events with one fault: every promise holds',
  async (setting) => {
    const { states, transitions, complete, breach } = await explore(setting);
    console.log(`${setting.requests.join(' ')}: ${states} states, ${transitions} transitions`);
    expect(breach).toBe(undefined);
    expect(complete).toBe(true);
    expect(states).toBeGreaterThan(1_000);
  },
  120_000,
);
