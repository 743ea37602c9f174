/** Plays many cells of the fault matrix at the same time, with one origin in a thread of its own. */

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answer, execute, type Rule, ScriptedOrigin } from 'pooled-backend/testing';
import { type Cell, CLASSES, REQUEST_BODY, replayOf } from './cell.js';
import { expectedOf } from './expectation.js';
import { PASSED_MS, pauseUntil, type Seen, WireRun } from './wire-run.js';

const WIRE_FILE = 'test/wire/fault-matrix.test.ts';

const SIDE_BY_SIDE = 60;
const BLOCKED_MS = 50;
// On a machine under load, a connection may become too old to be used. Such a cell has shown nothing, and is played again.
const MOST_ROUNDS = 5;

const ANSWERS: Rule = { steps: [execute(), answer({ body: 'own' })] };

/** The cells with a wrong result, each with the command that plays it again. */
export async function breaches(cells: readonly Cell[]): Promise<string[]> {
  const found: string[] = [];
  let left = cells;
  for (let round = 0; left.length > 0; round += 1) {
    if (round === MOST_ROUNDS) throw new Error(`after ${round} rounds these could not be played: ${left.length} cells`);
    const missed: Cell[] = [];
    for (const batch of batchesOf(left)) {
      const seen = await playBatch(batch);
      for (const [place, cell] of batch.entries()) {
        const one = seen[place] ?? 'missed';
        if (one === 'missed') missed.push(cell);
        else found.push(...breachOf(cell, one));
      }
    }
    left = missed;
  }
  return found;
}

export function breachOf(cell: Cell, seen: Seen | string): string[] {
  const expected = expectedOf(cell);
  if (JSON.stringify(seen) === JSON.stringify(expected)) return [];
  return [`${replayOf(cell, WIRE_FILE)}\n  expected ${JSON.stringify(expected)}\n  seen     ${JSON.stringify(seen)}`];
}

/** All cells of a batch need the same event loop: free, blocked, or blocked for long. */
function batchesOf(cells: readonly Cell[]): Cell[][] {
  const kinds = [
    cells.filter(({ loop }) => loop === 'free'),
    cells.filter(({ loop, fault }) => loop === 'blocked' && fault !== 'none'),
    cells.filter(({ loop, fault }) => loop === 'blocked' && fault === 'none'),
  ];
  return kinds.flatMap((kind) =>
    Array.from({ length: Math.ceil(kind.length / SIDE_BY_SIDE) }, (_, index) =>
      kind.slice(index * SIDE_BY_SIDE, (index + 1) * SIDE_BY_SIDE),
    ),
  );
}

async function playBatch(cells: readonly Cell[]): Promise<(Seen | string)[]> {
  const origin = await ScriptedOrigin.start({ thread: true, rules: [ANSWERS] });
  const runs = new Map<string, WireRun>();
  const front = createServer((req, res) => runs.get((req.url ?? '').slice(1, 5))?.handler(req, res));
  await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
  try {
    const { port } = front.address() as AddressInfo;
    const headBytes = await measure(origin, runs, port);
    for (const [number, cell] of cells.entries()) {
      const run = new WireRun(cell, number + 1, origin, port);
      runs.set(run.id, run);
      if (cell.connection === 'fresh') await run.openFresh(); // its backend dials as soon as it is made
    }
    const all = [...runs.values()];
    await Promise.all(all.filter((run) => run.cell.connection === 'reused').map((run) => run.prime()));
    await origin.setRules([...all.flatMap((run) => run.rules), ANSWERS]);
    await Promise.all(all.map((run) => run.install(headBytes(run.cell))));
    return cells[0]?.loop === 'blocked' ? await playBlocked(origin, all) : await Promise.all(all.map(playFree));
  } finally {
    for (const run of runs.values()) run.close();
    front.close();
    front.closeAllConnections();
    await origin.close();
  }
}

/** Measures the heads that the handler writes. Their length depends on the method and the length of the body. */
async function measure(origin: ScriptedOrigin, runs: Map<string, WireRun>, port: number) {
  const lengths = new Map<string, number>();
  const keyOf = ({ method, body }: Pick<Cell, 'method' | 'body'>): string => `${method} ${body}`;
  for (const one of CLASSES) {
    if (lengths.has(keyOf(one))) continue;
    const before = origin.connectionsAccepted;
    const cell: Cell = {
      ...one,
      connection: 'fresh',
      phase: 'idle',
      at: 0,
      fault: 'stray',
      loop: 'free',
      framing: 'length',
    };
    const run = new WireRun(cell, 0, origin, port);
    runs.set(run.id, run);
    await run.openFresh();
    await run.viaClient();
    lengths.set(keyOf(one), (origin.connections[before]?.bytesReceived ?? 0) - REQUEST_BODY[one.body].length);
    run.close();
    runs.delete(run.id);
  }
  return (cell: Cell): number => lengths.get(keyOf(cell)) ?? 0;
}

async function playFree(run: WireRun): Promise<Seen | string> {
  const { phase, fault } = run.cell;
  try {
    if (!(await run.reach())) return 'missed';
    run.strike();
    if (phase !== 'idle' && phase !== 'after') {
      const own = await run.viaClient();
      return run.passedBy(own) ? 'missed' : own;
    }
    await pauseUntil(() => run.struck && (fault === 'stall' || run.noticed));
    const seen = await run.viaClient();
    return phase === 'after' && fault !== 'stall' ? await withNext(run, seen) : seen;
  } catch (error) {
    return String(error);
  }
}

/** Resolves to the response that came before, if the next request gets its own answer. */
async function withNext(run: WireRun, seen: Seen): Promise<Seen | string> {
  const next = await run.direct('next');
  const isFine = next.outcome === 'answered' && next.body === 'own' && next.executions === 1 && next.attempts === 1;
  return isFine ? seen : `the next request: ${JSON.stringify(next)}`;
}

/** All faults arrive while the event loop is blocked, and the requests of the cells are sent in the turn after that. */
async function playBlocked(origin: ScriptedOrigin, runs: readonly WireRun[]): Promise<(Seen | string)[]> {
  const reached = await Promise.all(runs.map((run) => run.reach()));
  const isIdle = runs.some((run) => run.cell.fault === 'none');
  if (!runs.every((run) => run.inTime)) return runs.map(() => 'missed');
  for (const run of runs) run.strike();
  const end = performance.now() + (isIdle ? PASSED_MS + BLOCKED_MS : BLOCKED_MS);
  const struck = runs.filter((_, index) => reached[index] === true);
  origin.blockUntil(() => struck.every((run) => run.struck) && performance.now() >= end, 30_000);
  const seen = runs.map(async (run, index): Promise<Seen | string> => {
    if (reached[index] !== true) return 'missed';
    try {
      if (run.cell.phase === 'idle') return await run.direct('own');
      if (run.cell.phase === 'after') return await withNextSent(run);
      return await run.viaClient();
    } catch (error) {
      return String(error);
    }
  });
  return Promise.all(seen);
}

async function withNextSent(run: WireRun): Promise<Seen | string> {
  const next = withNext(run, 'missed');
  const seen = await run.viaClient();
  const fault = await next;
  return fault === 'missed' ? seen : fault;
}
