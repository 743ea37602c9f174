/**
 * The fault matrix on real sockets: faults of every kind in every phase, for every kind of request, with the outcome that
 * the README's table gives. What the origin executed is asked of the origin, what the client got of the client's bytes.
 */

import { expect, test } from 'vitest';
import { asked, type Cell, CLASSES, FAULTS } from '../faults/cell.js';
import { breaches } from '../faults/wire-batch.js';
import { breachesOfDials } from '../faults/wire-dials.js';

/** About ten places for the cuts; those after every byte are cut in memory. */
const PLACES: readonly (Pick<Cell, 'phase' | 'at'> & { readonly framing?: Cell['framing'] })[] = [
  { phase: 'idle', at: 0 },
  { phase: 'head-sent', at: 1 },
  { phase: 'head-sent', at: 20 },
  { phase: 'head-sent', at: 60 },
  { phase: 'body-sent', at: 0 },
  { phase: 'body-sent', at: 5 },
  { phase: 'all-sent', at: 0 },
  { phase: 'response-head', at: 1 },
  { phase: 'response-head', at: 25 },
  { phase: 'response-head', at: 37 },
  { phase: 'response-body', at: 0, framing: 'chunked' },
  { phase: 'response-body', at: 5, framing: 'chunked' },
  { phase: 'after', at: 0 },
];

const CELLS: Cell[] = PLACES.flatMap((place) =>
  FAULTS.flatMap((fault) =>
    (['free', 'blocked'] as const).flatMap((loop) =>
      CLASSES.map((one): Cell => ({ framing: 'length', ...place, ...one, fault, loop })),
    ),
  ),
).filter(isMeant);

function isMeant({ phase, fault, loop, body }: Cell): boolean {
  if (fault === 'refusal') return false; // happens in memory: a kernel refuses when it likes
  if (phase === 'body-sent' && body === 'none') return false;
  if (loop === 'free') return fault !== 'none';
  if (fault === 'stall') return false; // blocked or not, nothing comes
  return fault === 'none' || (phase !== 'head-sent' && phase !== 'body-sent');
}

test.each(PLACES)(
  '$phase, after byte $at: what the table says, for every fault and every kind of request',
  async ({ phase, at }) => {
    const cells = asked(CELLS.filter((cell) => cell.phase === phase && cell.at === at));
    expect((await breaches(cells)).slice(0, 10)).toEqual([]);
  },
);

const FRESH = CLASSES.filter(({ connection }) => connection === 'fresh');

/** A dial is refused, or its name is never found, with the loop free; what a listening origin does comes while it is not. */
const DIALS: readonly Pick<Cell, 'phase' | 'fault' | 'loop'>[] = [
  { phase: 'dial', fault: 'rst', loop: 'free' },
  { phase: 'dial', fault: 'stall', loop: 'free' },
  ...(['none', 'fin', 'rst', 'garbage', 'stray'] as const).map(
    (fault) => ({ phase: 'dial', fault, loop: 'blocked' }) as const,
  ),
  ...(['fin', 'rst', 'stall', 'garbage', 'stray'] as const).map(
    (fault) => ({ phase: 'tls', fault, loop: 'free' }) as const,
  ),
  ...(['none', 'fin', 'rst', 'garbage', 'stray'] as const).map(
    (fault) => ({ phase: 'tls', fault, loop: 'blocked' }) as const,
  ),
];

test.each(DIALS)(
  'a fault in the $phase ($fault, the loop $loop) costs no request, and nothing is sent twice',
  async (dial) => {
    const cells = asked(FRESH.map((one): Cell => ({ ...one, ...dial, at: 0, framing: 'length' })));
    expect((await breachesOfDials(cells)).slice(0, 10)).toEqual([]);
  },
);
