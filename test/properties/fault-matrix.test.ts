/** Every fault after every byte, in memory: what the README's table says happens, and nothing else. */

import { readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { StreamBody } from '../../src/body/stream-body.js';
import {
  asked,
  type Cell,
  CLASSES,
  FAULTS,
  nameOf,
  PHASES,
  REPLAY_BYTES,
  REQUEST_BODY,
  type RequestClass,
  replayOf,
  responseOf,
} from '../faults/cell.js';
import { type Expected, expectedOf, ROWS } from '../faults/expectation.js';
import { MemoryOrigin } from '../faults/memory-origin.js';
import { type Caller, MemoryBackend, type Sending } from '../memory-backend.js';

const THIS_FILE = 'test/properties/fault-matrix.test.ts';
const SIDE_BY_SIDE = 250;
const STRIKING = ['fin', 'rst', 'stall', 'garbage', 'stray'] as const;

function sendingOf({ method, travel, body }: RequestClass, path: string): Sending {
  const text = REQUEST_BODY[body];
  const sending = { method, path, nonIdempotent: travel };
  if (body === 'none') return sending;
  if (body === 'small') return { ...sending, body: text };
  const pieces = text.match(/.{1,12}/g)?.map((piece) => Buffer.from(piece)) ?? [];
  const source = Readable.from(pieces, { objectMode: false });
  return { ...sending, body: new StreamBody(source, { length: text.length, replayBytes: REPLAY_BYTES }) };
}

/** Time passes only where nothing else happens. */
async function over(backend: MemoryBackend, caller: Caller): Promise<void> {
  for (let round = 0; round < 90 && !caller.over; round += 1) {
    await turn();
    backend.clock.advance(round < 20 ? 0 : 100);
  }
}

async function settle(backend: MemoryBackend): Promise<void> {
  for (let round = 0; round < 6; round += 1) {
    await turn();
    backend.clock.advance(0);
  }
}

/** Plays the cell, and tells what was seen. */
async function play(cell: Cell): Promise<Expected> {
  const origin = new MemoryOrigin(cell);
  const idlesFresh = cell.phase === 'idle' && cell.connection === 'fresh';
  const backend = new MemoryBackend({
    ...{ startDial: origin.startDial, spareConnections: false, minConnections: idlesFresh ? 1 : 0 },
    ...{ connectTimeout: 400, sendTimeout: 1_000, headersTimeout: 1_000, bodyTimeout: 1_000 },
  });
  try {
    for (const origin of backend.origins) void origin.ready();
    if (idlesFresh) backend.origin().expectFresh();
    await settle(backend);
    if (cell.connection === 'reused') await prime(backend, origin, cell);
    if (cell.phase === 'idle') await strikeIdle(backend, origin, cell);
    const caller = backend.send(sendingOf(cell, '/own'));
    await over(backend, caller);
    const seen = seenBy(caller, origin, 'own');
    if (cell.phase === 'after' && cell.fault !== 'stall') await checkNext(backend, origin, cell);
    await settle(backend);
    backend.clock.advance(2_000);
    backend.checkAtRest();
    return seen;
  } finally {
    backend.destroy();
  }
}

/** Two exchanges that end well: the connection is proven then. */
async function prime(backend: MemoryBackend, origin: MemoryOrigin, cell: Cell): Promise<void> {
  for (let exchange = 0; exchange < 2; exchange += 1) {
    await over(backend, backend.send({ path: '/prime' }));
    await settle(backend);
  }
  expect(origin.connections).toHaveLength(1);
  origin.connections[0]?.prepare(cell);
}

async function strikeIdle(backend: MemoryBackend, origin: MemoryOrigin, { fault, loop }: Cell): Promise<void> {
  const [connection] = origin.connections;
  if (connection === undefined) throw new Error('there is no connection to strike');
  if (fault === 'stall') {
    origin.strike('/own');
    connection.stall();
    return;
  }
  origin.strike('/own');
  if (loop === 'blocked') connection.hold();
  connection.do(fault);
  if (loop === 'free') await settle(backend);
}

async function checkNext(backend: MemoryBackend, origin: MemoryOrigin, cell: Cell): Promise<void> {
  await settle(backend);
  const next = backend.send(sendingOf(cell, '/next'));
  await over(backend, next);
  const own = { outcome: 'answered', body: 'own', delivery: undefined, executions: 1, attempts: 1 };
  expect(seenBy(next, origin, 'next')).toEqual(own);
}

function seenBy(caller: Caller, origin: MemoryOrigin, name: string): Expected {
  const { error, body, head, dispatch } = caller;
  const executions = origin.executions.get(`/${name}`) ?? 0;
  const attempts = dispatch?.attempts.length ?? 0;
  expect([caller.endings, caller.late]).toEqual([1, 0]);
  if (error === undefined) {
    const whose = body === name ? 'own' : body === 'stray' ? 'stray' : undefined;
    return { outcome: 'answered', body: whose, delivery: undefined, executions, attempts };
  }
  const status = error.statusCode === 504 ? 504 : 502;
  const outcome = head === undefined ? status : 'broken off';
  const delivery = error.delivery;
  return { outcome, body: undefined, delivery, executions, attempts };
}

const lengths = new Map<RequestClass, Promise<{ head: number; body: number }>>();

/** Lengths of the two parts of the request, as it is written. */
function lengthsOf(requestClass: RequestClass): Promise<{ head: number; body: number }> {
  const known = lengths.get(requestClass) ?? measure(requestClass);
  lengths.set(requestClass, known);
  return known;
}

async function measure(requestClass: RequestClass): Promise<{ head: number; body: number }> {
  const cell: Cell = { ...requestClass, phase: 'all-sent', at: 0, fault: 'none', loop: 'free', framing: 'length' };
  const origin = new MemoryOrigin({ ...cell, connection: 'fresh' });
  const backend = new MemoryBackend({ startDial: origin.startDial });
  await settle(backend);
  await over(backend, backend.send(sendingOf(requestClass, '/own')));
  backend.destroy();
  const heard = origin.connections[0]?.heard ?? '';
  return { head: heard.indexOf('\r\n\r\n') + 4, body: REQUEST_BODY[requestClass.body].length };
}

function upTo(end: number): number[] {
  return Array.from({ length: end }, (_, at) => at);
}

/** All cells of a phase and a fault. */
async function cellsOf(phase: Cell['phase'], fault: Cell['fault']): Promise<Cell[]> {
  const cells: Cell[] = [];
  for (const requestClass of CLASSES) {
    const { head, body } = await lengthsOf(requestClass);
    for (const framing of ['length', 'chunked'] as const) {
      for (const at of placesIn(phase, { head, body }, framing)) {
        for (const loop of phase === 'idle' && fault !== 'stall' ? (['free', 'blocked'] as const) : (['free'] as const))
          cells.push({ ...requestClass, phase, at, fault, loop, framing });
      }
    }
  }
  return cells.filter(isMeant);
}

function placesIn(phase: Cell['phase'], request: { head: number; body: number }, framing: Cell['framing']): number[] {
  const response = responseOf('own', framing);
  switch (phase) {
    case 'head-sent':
      return upTo(request.head);
    case 'body-sent':
      return upTo(request.body);
    case 'response-head':
      return upTo(response.head.length);
    case 'response-body':
      return upTo(response.body.length);
    case 'after':
      return [0, 1];
    case 'dial':
    case 'tls':
    case 'idle':
    case 'all-sent':
      return [0];
  }
}

function isMeant({ phase, fault, connection, framing }: Cell): boolean {
  if (phase === 'dial' && connection === 'reused') return false;
  // A response of a known length has no place for a fault: the bytes that are missing are taken from what comes.
  if (phase === 'response-body' && (fault === 'garbage' || fault === 'stray')) return framing === 'chunked';
  return framing === 'length' || phase === 'response-head' || phase === 'response-body' || phase === 'after';
}

/** Those that are not as they should be, each with the line that plays it again. */
async function breaches(cells: readonly Cell[]): Promise<string[]> {
  const found: string[] = [];
  const check = async (cell: Cell): Promise<void> => {
    const expected = expectedOf(cell);
    const seen = await play(cell).catch((error: unknown) => String(error));
    if (JSON.stringify(seen) === JSON.stringify(expected)) return;
    found.push(
      `${replayOf(cell, THIS_FILE)}\n  expected ${JSON.stringify(expected)}\n  seen     ${JSON.stringify(seen)}`,
    );
  };
  for (let first = 0; first < cells.length; first += SIDE_BY_SIDE) {
    await Promise.all(cells.slice(first, first + SIDE_BY_SIDE).map(check));
  }
  return found;
}

const PHASES_IN_MEMORY = PHASES.filter((phase) => phase !== 'tls');

describe.each(PHASES_IN_MEMORY)('%s', (phase) => {
  test.each(STRIKING)('%s: what the table says, after every byte, for every kind of request', async (fault) => {
    const cells = asked(await cellsOf(phase, fault));
    expect((await breaches(cells)).slice(0, 10)).toEqual([]);
  });
});

test('a first write that the kernel refuses: what the table says, for every kind of request', async () => {
  const cells = CLASSES.map((one): Cell => {
    return { ...one, phase: 'head-sent', at: 0, fault: 'refusal', loop: 'free', framing: 'length' };
  });
  expect(await breaches(asked(cells))).toEqual([]);
});

test('no two cells have one name, and every fault strikes in every phase', async () => {
  const cells = (
    await Promise.all(PHASES_IN_MEMORY.flatMap((phase) => STRIKING.map((fault) => cellsOf(phase, fault))))
  ).flat();
  expect(new Set(cells.map(nameOf)).size).toBe(cells.length);
  expect(cells.length).toBeGreaterThan(10_000);
  const pairs = new Set(cells.map(({ phase, fault }) => `${phase} ${fault}`));
  expect(pairs.size).toBe(PHASES_IN_MEMORY.length * (FAULTS.length - 2));
  if (process.env.COUNT_CELLS !== undefined) console.log(`${cells.length} cells`);
});

test('the rows that the cells are judged by are those of the README', () => {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  const rows = readme.split('\n').map((line) => line.split('|').map((column) => column.trim()));
  for (const { readme: begins, words } of Object.values(ROWS)) {
    if (begins === undefined) continue;
    const row = rows.find(([, first]) => first?.startsWith(begins));
    expect([row?.[1], row?.[2]?.startsWith(words[0]), row?.[3]?.startsWith(words[1])]).toEqual([row?.[1], true, true]);
  }
});
