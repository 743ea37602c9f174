/** Plays the phases before there is a connection: the dial and the TLS handshake. All cells of a fault dial at the same time. */

import type { LookupFunction } from 'node:net';
import { Readable } from 'node:stream';
import { BackendError, PooledBackend, type PooledBackendOptions } from 'pooled-backend';
import {
  answer,
  close,
  execute,
  type Rule,
  reset,
  ScriptedOrigin,
  type Step,
  send,
  stall,
} from 'pooled-backend/testing';
import { authority, cert, key } from '../wire/certificate.js';
import { type Cell, GARBAGE, REPLAY_BYTES, REQUEST_BODY, STRAY } from './cell.js';
import type { Expected } from './expectation.js';
import { breachOf } from './wire-batch.js';

const ANSWERS: Rule = { steps: [execute(), answer({ body: 'own' })] };
const STALLED_MS = 300;
const LONG_MS = 20_000;

const STEPS: Readonly<Record<Cell['fault'], readonly Step[]>> = {
  none: [],
  refusal: [],
  fin: [close()],
  rst: [reset()],
  stall: [stall()],
  garbage: [send(GARBAGE), stall()],
  stray: [send(STRAY), stall()],
};

/** The first lookup of a name never ends; later ones do. */
function lookupThatStalls(): LookupFunction {
  let asked = 0;
  return (_hostname, options, done) => {
    asked += 1;
    if (asked === 1) return;
    if (options.all === true) done(null, [{ address: '127.0.0.1', family: 4 }]);
    else done(null, '127.0.0.1', 4);
  };
}

/** All cells have the same phase, fault and loop. The fault strikes their first connections only. */
export async function breachesOfDials(cells: readonly Cell[]): Promise<string[]> {
  const [first] = cells;
  if (first === undefined) return [];
  const secure = first.phase === 'tls';
  // For plain TCP the faults are: nobody listens, or the lookup of the name never ends.
  const refuses = !secure && first.fault === 'rst' && first.loop === 'free';
  const accepts = secure || first.loop === 'blocked';
  const strikes: Rule[] = cells.map((_, connection) => {
    return { at: 'connection', when: { connection }, steps: STEPS[first.fault] };
  });
  const origin = await ScriptedOrigin.start({
    thread: true,
    rules: [...(accepts ? strikes : []), ANSWERS],
    tls: secure ? { key, cert } : undefined,
  });
  if (refuses) await origin.stopListening();
  const backends = cells.map((cell) => new PooledBackend(optionsOf(cell, origin)));
  let failedDials = 0;
  for (const backend of backends) backend.on('dialFailed', () => (failedDials += 1));
  try {
    await new Promise((resolve) => setImmediate(resolve)); // for the slots to be made
    const refused = refuses ? Promise.all(backends.map(dialFailed)) : undefined;
    const seen = cells.map((cell, index) => seenOf(cell, backends[index], origin, index));
    await dialsHaveBegun();
    if (first.loop === 'blocked') blockUntilStruck(origin, first, cells.length);
    await refused;
    if (refuses) await origin.listen();
    const breaches = (await Promise.all(seen)).flatMap((one, index) => breachOf(cells[index] ?? first, one));
    // The connection was open when the loop went on, although its timeout had passed.
    const late = !secure && first.fault === 'none' && failedDials > 0;
    return late ? [...breaches, `${failedDials} dials failed that had ended well in the kernel`] : breaches;
  } finally {
    for (const backend of backends) backend.destroy();
    await origin.close();
  }
}

function optionsOf({ phase, fault, travel }: Cell, origin: ScriptedOrigin): PooledBackendOptions {
  const stallsInDns = phase === 'dial' && fault === 'stall';
  return {
    origins: [stallsInDns ? origin.url.replace('127.0.0.1', 'localhost') : origin.url],
    nonIdempotent: travel,
    replayBytes: REPLAY_BYTES,
    spareConnections: false,
    connectTimeout: fault === 'stall' || fault === 'none' ? STALLED_MS : LONG_MS,
    queueTimeout: LONG_MS,
    ...(stallsInDns && { connect: { lookup: lookupThatStalls() } }),
    ...(phase === 'tls' && { tls: { ca: authority } }),
  };
}

function dialFailed(backend: PooledBackend): Promise<void> {
  return new Promise((resolve) => backend.on('dialFailed', () => resolve()));
}

/** Resolves at the end of the turn in which the dials begin, before the event loop polls again. */
async function dialsHaveBegun(): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve));
  for (let tick = 0; tick < 20; tick += 1) await new Promise<void>((resolve) => process.nextTick(resolve));
}

/** Blocks until the origin's faults are in the kernel, before the first turn in which a dial could end. */
function blockUntilStruck(origin: ScriptedOrigin, { fault }: Cell, count: number): void {
  const end = performance.now() + (fault === 'none' ? STALLED_MS + 50 : 50);
  const wanted = STEPS[fault].length;
  origin.blockUntil(() => {
    const accepted = origin.connections.slice(0, count);
    const struck = accepted.filter(({ steps, closed }) => closed || steps.length >= wanted);
    return struck.length === count && performance.now() >= end;
  }, LONG_MS);
}

async function seenOf(
  cell: Cell,
  backend: PooledBackend | undefined,
  origin: ScriptedOrigin,
  index: number,
): Promise<Expected | string> {
  const path = `/${index}/own`;
  const text = REQUEST_BODY[cell.body];
  const headers = { 'Content-Length': `${text.length}` };
  const body = { none: {}, small: { body: text }, spent: { body: Readable.from([Buffer.from(text)]), headers } };
  try {
    const response = await backend?.request({ method: cell.method, path, ...body[cell.body] });
    const received = await response?.body.text();
    const whose = received === 'own' || received === 'stray' ? received : undefined;
    const executions = origin.executions(path);
    const attempts = response?.attempts.length ?? 0;
    return { outcome: 'answered', body: whose, delivery: undefined, executions, attempts };
  } catch (error) {
    if (!BackendError.is(error)) throw error;
    const facts = { message: error.message, delivery: error.delivery, attempts: error.attempts.length };
    return JSON.stringify({ ...facts, executions: origin.executions(path) });
  }
}
