/** Tries every order of events, breadth first, so that the first broken promise found has the shortest history. */

import { type Event, type Setting, tell } from './events.js';
import { World } from './world.js';

export interface Exploration {
  /** Number of different states. */
  readonly states: number;
  /** Number of events tried in these states. */
  readonly transitions: number;
  readonly longest: number;
  /** Whether all states were seen. If not, the limit was reached before. */
  readonly complete: boolean;
  /** The broken promise, and the history that broke it. */
  readonly breach: string | undefined;
}

export interface Limits {
  readonly ms?: number;
  readonly onProgress?: (states: number, transitions: number, waiting: number) => void;
}

interface Found {
  readonly history: readonly Event[];
  readonly possible: readonly Event[];
}

const SIDE_BY_SIDE = 64;

export async function explore(
  setting: Setting,
  { ms = Number.POSITIVE_INFINITY, onProgress }: Limits = {},
): Promise<Exploration> {
  const end = performance.now() + ms;
  // Every refused dial makes two errors, and their stack traces would cost more than everything else.
  Error.stackTraceLimit = 0;
  const seen = new Set<string>();
  let transitions = 0;
  let longest = 0;
  let level: Found[] = [];
  const result = (complete: boolean, breach?: string): Exploration => {
    return { states: seen.size, transitions, longest, complete, breach };
  };
  /** The new states, in the order of the histories. */
  async function expand(histories: readonly (readonly Event[])[]): Promise<(Found | string)[]> {
    return (await Promise.all(histories.map((history) => look(setting, history, seen)))).filter(
      (one) => one !== undefined,
    );
  }
  const [first] = await expand([[]]);
  if (typeof first === 'string') return result(false, first);
  if (first !== undefined) level = [first];
  for (let depth = 1; level.length > 0; depth += 1) {
    longest = depth - 1;
    const next: Found[] = [];
    const edges = level.flatMap(({ history, possible }) => possible.map((event) => [...history, event]));
    for (let from = 0; from < edges.length; from += SIDE_BY_SIDE) {
      if (performance.now() > end) return result(false);
      const batch = edges.slice(from, from + SIDE_BY_SIDE);
      transitions += batch.length;
      for (const one of await expand(batch)) {
        if (typeof one === 'string') return result(false, one);
        next.push(one);
      }
      onProgress?.(seen.size, transitions, edges.length - from);
    }
    level = next;
  }
  return result(true);
}

/** Resolves to `undefined` for a state that was seen before, and to a text for a broken promise. */
async function look(
  setting: Setting,
  history: readonly Event[],
  seen: Set<string>,
): Promise<Found | string | undefined> {
  const world = new World(setting);
  try {
    await world.replay(history);
    world.check();
    const key = world.look;
    if (seen.has(key)) return undefined;
    seen.add(key);
    const { possible } = world;
    await world.comeToRest();
    return { history, possible };
  } catch (error) {
    return `${error instanceof Error ? error.message : error}\n  setting: ${JSON.stringify(setting)}\n  history: ${tell(history)}`;
  } finally {
    world.destroy();
  }
}
