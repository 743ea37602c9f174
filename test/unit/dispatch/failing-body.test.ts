import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { StreamBody } from '../../../src/body/stream-body.js';
import { MemoryBackend } from '../../memory-backend.js';

const LOST = new Error('the disk is gone');

function bodyThatFails() {
  const source = new PassThrough();
  return {
    source,
    body: new StreamBody(source, { length: 3, replayBytes: 10 }),
    fail: () => void source.destroy(LOST),
  };
}

test('a body that fails while its request waits for a connection fails the request', async () => {
  const backend = await MemoryBackend.open({ maxConnections: 1 });
  await backend.sent();
  await backend.accept();
  const { body, fail } = bodyThatFails();
  const caller = await backend.sent({ method: 'PUT', body });
  fail();
  await backend.settle();
  expect(caller.failure).toMatchObject({ code: 'client_aborted', delivery: 'unsent', attempts: [], cause: LOST });
  expect(backend.queue.length).toBe(0);
});

test('a body that has failed before it is sent fails the request before a connection is taken', async () => {
  const backend = await MemoryBackend.open();
  const { body, fail } = bodyThatFails();
  fail();
  await backend.settle();
  const caller = backend.send({ method: 'PUT', body });
  expect([caller.outcome, backend.dials.length]).toEqual(['client_aborted', 0]);
  backend.checkAtRest();
});

test('a body that fails between two attempts fails the request, with what was tried', async () => {
  const backend = await MemoryBackend.open({ spareConnections: false });
  await backend.idle();
  const { source, body, fail } = bodyThatFails();
  const caller = await backend.sent({ method: 'PUT', body });
  source.write('ab');
  await backend.settle();
  backend.peerOf(caller)?.fin();
  await backend.settle();
  fail();
  await backend.settle();
  expect(caller.failure).toMatchObject({ code: 'client_aborted', delivery: 'unknown', attempts: [{ sent: 'some' }] });
});

test('a body that fails behind a response that is complete takes nothing from it', async () => {
  const backend = await MemoryBackend.open();
  const { source, body, fail } = bodyThatFails();
  const caller = await backend.sent({ method: 'PUT', body });
  const peer = await backend.accept();
  source.write('ab');
  await backend.settle();
  peer.answer({ body: 'enough' });
  fail();
  await backend.settle();
  expect([caller.outcome, caller.body]).toEqual([200, 'enough']);
});

test('a body that fails though nobody asked for it takes nothing from the response that came in its place', async () => {
  const backend = await MemoryBackend.open();
  const { body, fail } = bodyThatFails();
  const caller = await backend.sent({ method: 'PUT', body, expectTimeout: 60_000 });
  const peer = await backend.accept();
  peer.send('HTTP/1.1 413 Too Long\r\nContent-Length: 7\r\n\r\nto');
  await backend.settle();
  fail();
  await backend.settle();
  peer.send('o big');
  await backend.settle();
  expect([caller.outcome, caller.body]).toEqual([413, 'too big']);
});
