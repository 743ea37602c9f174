/**
 * Small backends, driven through every order of events with at most one fault, or one change of their owner's: no promise is
 * broken in any state, and from every state all requests come to an end. Larger ones: `npm run explore -- --help`.
 */

import { expect, test } from 'vitest';
import type { Kind, Setting } from './events.js';
import { explore } from './explore.js';

const PAIRS: readonly (readonly Kind[])[] = [
  ['get', 'fresh'],
  ['fresh', 'get'],
  ['any', 'get'],
];

const ONE = { origins: 1, slots: 1, faults: 1, changes: 0, spares: 0 };

const settings: readonly Setting[] = [
  ...PAIRS.map((requests) => ({ ...ONE, requests })),
  { ...ONE, slots: 2, requests: ['get', 'get'] },
  { ...ONE, faults: 0, changes: 1, requests: ['get', 'fresh'] },
  { ...ONE, slots: 2, faults: 0, changes: 1, requests: ['get', 'get'] },
  { ...ONE, origins: 2, faults: 0, changes: 2, requests: ['get'] },
  { ...ONE, changes: 1, requests: ['get'] },
];

test.each(settings)(
  '$requests at $origins origin(s), $slots connection(s) each, in every order of events with $faults fault(s) and $changes change(s): every promise holds',
  async (setting) => {
    const { states, transitions, complete, breach } = await explore(setting);
    console.log(`${setting.requests.join(' ')}: ${states} states, ${transitions} transitions`);
    expect(breach).toBe(undefined);
    expect(complete).toBe(true);
    expect(states).toBeGreaterThan(500);
  },
);
