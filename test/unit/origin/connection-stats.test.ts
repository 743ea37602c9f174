import { expect, test } from 'vitest';
import { MemoryBackend, type MemoryBackendOptions } from '../../memory-backend.js';

const statesOf = (backend: MemoryBackend) => backend.origin().connections.map(({ state }) => state);

async function busyAfter(exchanges: number, options: MemoryBackendOptions = {}): Promise<MemoryBackend> {
  const backend = await MemoryBackend.open(options);
  if (exchanges > 0) await backend.idle(exchanges);
  await backend.sent();
  if (exchanges === 0) await backend.accept();
  return backend;
}

test('an origin that was never dialled has no connections', async () => {
  expect((await MemoryBackend.open()).origin().connections).toEqual([]);
});

test('a connection is dialling, carries its first request, is idle, and carries the next', async () => {
  const backend = await MemoryBackend.open();
  await backend.sent();
  const states = [...statesOf(backend)];
  const peer = await backend.accept();
  states.push(...statesOf(backend));
  peer.answer();
  await backend.settle();
  states.push(...statesOf(backend));
  await backend.sent();
  expect([...states, ...statesOf(backend)]).toEqual(['dialling', 'fresh', 'idle', 'busy']);
});

test('one that was dialled ahead of need is a spare', async () => {
  const backend = await MemoryBackend.open({ spareConnections: 1 });
  await backend.post();
  await backend.accept();
  await backend.advance(10);
  await backend.accept();
  expect(statesOf(backend)).toEqual(['fresh', 'spare']);
});

test.each<[string, number, MemoryBackendOptions]>([
  ['for maxRequestsPerConnection', 1, { maxRequestsPerConnection: 2 }],
  ['from its first', 0, { maxRequestsPerConnection: 1 }],
])('one that carries its last request is retired: %s', async (_why, exchanges, options) => {
  expect(statesOf(await busyAfter(exchanges, options))).toEqual(['retired']);
});

test('one that has become too old while it was busy is retired', async () => {
  const backend = await busyAfter(1, { maxConnectionAge: 1000 });
  await backend.advance(1001);
  expect(statesOf(backend)).toEqual(['retired']);
});

test('it keeps its slot, the lowest that was free, and counts its exchanges and ages', async () => {
  const backend = await MemoryBackend.open({ maxConnections: 5 });
  await backend.sent();
  await backend.sent();
  const [first, second] = [await backend.accept(), await backend.accept()];
  await backend.advance(100);
  first.answer();
  await backend.settle();
  await backend.advance(30);
  expect(backend.origin().connections).toEqual([
    { slot: 0, state: 'idle', exchanges: 1, ageMs: 130, idleMs: 30 },
    { slot: 1, state: 'fresh', exchanges: 0, ageMs: 130, idleMs: 0 },
  ]);
  second.answer();
});
