import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { StreamBody } from '../../../src/body/stream-body.js';
import { House } from '../../house.js';

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
  const house = await House.open({ maxConnections: 1 });
  await house.sent();
  await house.accept();
  const { body, fail } = bodyThatFails();
  const caller = await house.sent({ method: 'PUT', body });
  fail();
  await house.settle();
  expect(caller.failure).toMatchObject({ code: 'client_aborted', delivery: 'unsent', attempts: [], cause: LOST });
  expect(house.queue.length).toBe(0);
});

test('a body that has failed before it is sent fails the request before a connection is taken', async () => {
  const house = await House.open();
  const { body, fail } = bodyThatFails();
  fail();
  await house.settle();
  const caller = house.send({ method: 'PUT', body });
  expect([caller.outcome, house.dials.length]).toEqual(['client_aborted', 0]);
  house.checkAtRest();
});

test('a body that fails between two attempts fails the request, with what was tried', async () => {
  const house = await House.open({ spareConnections: false });
  await house.idle();
  const { source, body, fail } = bodyThatFails();
  const caller = await house.sent({ method: 'PUT', body });
  source.write('ab');
  await house.settle();
  house.peerOf(caller)?.fin();
  await house.settle();
  fail();
  await house.settle();
  expect(caller.failure).toMatchObject({ code: 'client_aborted', delivery: 'unknown', attempts: [{ sent: 'some' }] });
});

test('a body that fails behind a response that is complete takes nothing from it', async () => {
  const house = await House.open();
  const { source, body, fail } = bodyThatFails();
  const caller = await house.sent({ method: 'PUT', body });
  const peer = await house.accept();
  source.write('ab');
  await house.settle();
  peer.answer({ body: 'enough' });
  fail();
  await house.settle();
  expect([caller.outcome, caller.body]).toEqual([200, 'enough']);
});

test('a body that fails though nobody asked for it takes nothing from the response that came in its place', async () => {
  const house = await House.open();
  const { body, fail } = bodyThatFails();
  const caller = await house.sent({ method: 'PUT', body, expectTimeout: 60_000 });
  const peer = await house.accept();
  peer.send('HTTP/1.1 413 Too Long\r\nContent-Length: 7\r\n\r\nto');
  await house.settle();
  fail();
  await house.settle();
  peer.send('o big');
  await house.settle();
  expect([caller.outcome, caller.body]).toEqual([413, 'too big']);
});
