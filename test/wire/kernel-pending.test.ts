/** What the kernel knows and the event loop has not read: a FIN, a RST, stray bytes. */

import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { PooledBackend } from 'pooled-backend';
import {
  answer,
  type ConnectionRecord,
  close,
  execute,
  type Rule,
  reset,
  type ScriptedOrigin,
  type Step,
  send,
} from 'pooled-backend/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { authority, cert, key } from './certificate.js';
import { checkAtRest, load, type Outcome, outcomeOf, startBackend, startOrigin } from './setting.js';

const stray = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstray';

const pendings = {
  'a FIN': [close()],
  'a RST': [reset()],
  'a stray response': [send(stray)],
  'a stray response and a FIN': [send(stray), close()],
  'a 408 and a FIN': [send('HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n'), close()],
} as const satisfies Record<string, readonly Step[]>;

type Pending = keyof typeof pendings;
type Method = 'GET' | 'POST';

const rules: Rule[] = [{ steps: [execute(), answer({ body: 'own' })] }];

/** Leaves `count` idle connections that have each carried at least two requests. */
async function prime(backend: PooledBackend, origin: ScriptedOrigin, count: number): Promise<void> {
  for (let round = 0; round < 3; round += 1) await load(backend, { count: 1, lanes: count });
  await origin.until(() => origin.openConnections >= 1);
}

/** Every answer so far is recorded: one that comes late would pass for what is pending. */
async function recorded(origin: ScriptedOrigin): Promise<void> {
  await origin.until(() => origin.connections.every(({ open, steps }) => !open || steps.at(-1) !== 'execute'));
}

/** Everything that is open gets what is pending while the event loop stands still; then `act`, before it moves on. */
function whileBlocked<T>(origin: ScriptedOrigin, pending: Pending, act: () => T): T {
  // Not those in the middle of a handshake: there it would arrive after the block.
  const secure = origin.url.startsWith('https:');
  const open = origin.connections.filter((connection) => connection.open && (connection.tls !== undefined || !secure));
  const steps = pendings[pending];
  const before = open.map((connection) => connection.steps.length);
  for (const connection of open) void origin.play(connection.index, steps);
  const isDone = (connection: ConnectionRecord, place: number): boolean =>
    connection.steps.length >= (before[place] ?? 0) + steps.length || connection.closed;
  origin.blockUntil(() => open.every(isDone));
  return act();
}

/** Runs `call` within a callback of the event loop's poll, as every request of a server begins. */
async function fromPoll<T>(call: () => T): Promise<T> {
  const server = createServer((socket) => socket.end('now'));
  onTestFinished(() => void server.close());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('data', () => {
      try {
        resolve(call());
      } catch (error) {
        reject(error);
      }
    });
  });
}

/** Three requests that are sent with this pending are answered by the first attempt, each executed once. */
async function expectNoticed(origin: ScriptedOrigin, backend: PooledBackend, pending: Pending, method: Method) {
  await prime(backend, origin, 3);
  // A spare or two of the kind that is waiting for a POST.
  if (method === 'POST') await outcomeOf(backend, { method, body: 'first' });
  const body = method === 'POST' ? { body: 'x' } : {};
  await recorded(origin);
  const sending = await fromPoll(() =>
    whileBlocked(origin, pending, () => ({
      outcomes: ['a', 'b', 'c'].map((id) => outcomeOf(backend, { method, id, ...body })),
    })),
  );
  const outcomes: Outcome[] = await Promise.all(sending.outcomes);
  expect(outcomes).toEqual(Array(3).fill({ status: 200, body: 'own', attempts: 1 }));
  expect(['a', 'b', 'c'].map((id) => origin.executions(id))).toEqual([1, 1, 1]);
}

const CASES = Object.keys(pendings).flatMap((pending) =>
  (['GET', 'POST'] as const).flatMap((method) =>
    (['fresh', 'verified', 'any'] as const).map((mode) => ({ pending: pending as Pending, method, mode })),
  ),
);

describe('on plain TCP', () => {
  test.each(CASES)('$pending is noticed before a $method is sent ($mode)', async ({ pending, method, mode }) => {
    const origin = await startOrigin({ thread: true, rules });
    const backend = startBackend(origin, { maxConnections: 4, nonIdempotent: mode });
    await expectNoticed(origin, backend, pending, method);
    checkAtRest(backend, 4);
  });

  test.each([
    ['says', send(stray)],
    ['closes', close()],
  ])('what an origin %s on a new connection while the event loop stands still costs no POST', async (_, step) => {
    const greeting: Rule = { when: { connection: 0 }, at: 'connection', steps: [step] };
    const origin = await startOrigin({ thread: true, rules: [greeting, ...rules] });
    const backend = startBackend(origin, { maxConnections: 4, spareConnections: false });
    await backend.ready();
    const sending = outcomeOf(backend, { method: 'POST', body: 'x' });
    await new Promise<void>((resolve) => setImmediate(resolve)); // the turn has ended: the dial is with the kernel
    origin.blockUntil(() => origin.connections[0]?.steps.length === 1);
    expect(await sending).toEqual({ status: 200, body: 'own', attempts: 1 });
    expect(origin.connections[0]?.bytesReceived).toBe(0);
    checkAtRest(backend, 4);
  });

  test('a stray response that comes while a connection is handed to the next in the queue is given to nobody', async () => {
    const origin = await startOrigin({ thread: true, rules });
    const backend = startBackend(origin, { maxConnections: 1 });
    await prime(backend, origin, 1);
    const outcomes = await whileBlocked(origin, 'a stray response', () =>
      Promise.all(['a', 'b', 'c', 'd'].map((id) => outcomeOf(backend, { id }))),
    );
    expect(outcomes).toEqual(Array(4).fill({ status: 200, body: 'own', attempts: 1 }));
  });

  test('what was found closed counts as stale, with stray bytes as poisoned, and never as a re-send', async () => {
    const origin = await startOrigin({ thread: true, rules });
    const backend = startBackend(origin, { maxConnections: 1 });
    await prime(backend, origin, 1);
    for (const pending of ['a FIN', 'a stray response'] as const) {
      await recorded(origin);
      const { outcome } = await fromPoll(() => whileBlocked(origin, pending, () => ({ outcome: outcomeOf(backend) })));
      await outcome;
    }
    const [stats] = backend.stats().origins;
    const resent = Object.values(stats?.resent ?? {}).reduce((sum, count) => sum + count, 0);
    expect({ stale: stats?.stale.found !== 0, poisoned: stats?.poisoned, resent }).toEqual({
      stale: true,
      poisoned: 1,
      resent: 0,
    });
  });
});

describe('on TLS', () => {
  const tlsCases = CASES.filter(({ pending }) => pending !== 'a 408 and a FIN');

  test.each(tlsCases)('$pending is noticed before a $method is sent ($mode)', async ({ pending, method, mode }) => {
    const origin = await startOrigin({ thread: true, rules, tls: { key, cert } });
    const backend = startBackend(origin, { maxConnections: 4, nonIdempotent: mode, tls: { ca: authority } });
    await expectNoticed(origin, backend, pending, method);
  });
});
