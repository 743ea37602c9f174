/** What an exchange does at its edges: exact sizes, late calls, and moments in which two things happen at once. */

import { describe, expect, test } from 'vitest';
import { MemoryBody } from '../../../src/body/memory-body.js';
import type { BodySource, BodyTarget } from '../../../src/connection/body-source.js';
import { OK, Rig, TIMEOUTS, turn } from './rig.js';

const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';

/** Gives what the test gives it. */
class OpenBody implements BodySource {
  readonly length: number | undefined;
  readonly whole = undefined;
  target: BodyTarget | undefined;

  constructor(length?: number) {
    this.length = length;
  }

  begin(target: BodyTarget): void {
    this.target = target;
  }

  drained(): void {}

  detach(): void {}
}

describe('bytes out', () => {
  test('a head is latin1 on the wire, with a body behind it and without', async () => {
    const head = 'POST / HTTP/1.1\r\nA: \xe9\r\n\r\n';
    for (const body of [undefined, new OpenBody()]) {
      const rig = new Rig();
      rig.send({ head, ...(body !== undefined && { body }) });
      await turn();
      expect(rig.heard).toBe(head);
    }
  });

  test('trailers are latin1 on the wire', async () => {
    const rig = new Rig();
    rig.send({ head: '', body: new MemoryBody(Buffer.from('x'), ['A', '\xe9']) });
    await turn();
    expect(rig.heard).toBe('1\r\nx\r\n0\r\nA: \xe9\r\n\r\n');
  });

  // An empty chunk would be the end of the body.
  test.each([65_536, 131_072])(
    'a piece of %i bytes without a declared length leaves no empty chunk',
    async (length) => {
      const rig = new Rig();
      const body = new OpenBody();
      rig.send({ head: '', body });
      body.target?.write(Buffer.alloc(length, 'x'));
      await turn();
      rig.near.takeOn();
      await turn();
      expect([rig.heard.includes('\r\n0\r\n'), rig.heard.startsWith('10000\r\n')]).toEqual([false, true]);
    },
  );

  test('nothing is written to a socket that is destroyed, and nothing more is taken for sent', () => {
    const rig = new Rig();
    const body = new OpenBody();
    const { exchange } = rig.send({ method: 'POST', body });
    const before = rig.near.bytesWritten;
    rig.near.destroy(); // its owner has not heard of it
    const hasRoom = body.target?.write(Buffer.from('more'));
    body.target?.end([]);
    expect([hasRoom, rig.near.bytesWritten, exchange.sent]).toEqual([false, before, 'some']);
  });
});

describe('what is sent and what is reused', () => {
  test('a response that comes while the kernel holds the request back: the connection is not reused', () => {
    const rig = new Rig();
    rig.near.stopTaking();
    const { exchange } = rig.send();
    const written = exchange.requestWritten;
    rig.answer(OK);
    expect([written, rig.owner.told.at(-1)]).toEqual([false, 'closed: unfinished-request']);
  });

  test('a request whose body has not ended is not written, on TLS either', () => {
    const rig = new Rig({ secure: true });
    const { exchange } = rig.send({ method: 'POST', body: new OpenBody() });
    rig.answer(OK);
    expect([exchange.requestWritten, rig.owner.told.at(-1)]).toEqual([false, 'closed: unfinished-request']);
  });

  test('a body of a declared length is written with its last byte, on TLS, though its source still waits for the socket', () => {
    const rig = new Rig({ secure: true });
    rig.near.stopTaking();
    const body = new OpenBody(8);
    const { exchange } = rig.send({ method: 'POST', body });
    body.target?.write(Buffer.from('half'));
    const half = exchange.requestWritten;
    body.target?.write(Buffer.from('half'));
    rig.answer(OK);
    rig.near.takeOn();
    rig.clock.advance(0);
    expect([half, exchange.requestWritten, rig.owner.told.at(-1)]).toEqual([false, true, 'reusable']);
  });
});

describe('the error of a body', () => {
  test('is the cause of what the listener is told', () => {
    const rig = new Rig();
    const body = new OpenBody(9);
    const { listener } = rig.send({ method: 'POST', body });
    const cause = new Error('the disk is gone');
    body.target?.fail(cause);
    expect(listener.error?.cause).toBe(cause);
  });
});

describe('bytes in', () => {
  test('interim responses are passed on, each once', () => {
    const rig = new Rig();
    const { listener } = rig.send();
    rig.answer('HTTP/1.1 103 Early Hints\r\n\r\n', 'HTTP/1.1 102 Processing\r\n\r\n', OK);
    expect(listener.told).toEqual(['information: 103', 'information: 102', 'head: 200', 'body', 'ended']);
  });
});

describe('silences', () => {
  test('once a head is here bodyTimeout counts, though the request is fully sent only later', () => {
    const rig = new Rig();
    const body = new OpenBody();
    const { listener } = rig.send({ method: 'POST', body });
    rig.answer(CHUNKED);
    body.target?.end([]);
    rig.clock.advance(TIMEOUTS.headersTimeout);
    const before = listener.told.at(-1);
    rig.clock.advance(TIMEOUTS.bodyTimeout - TIMEOUTS.headersTimeout);
    expect([before, listener.told.at(-1)]).toEqual(['head: 200', 'failed: body-timeout']);
  });

  test('resume() of what was not paused gives the origin no more time', () => {
    const rig = new Rig();
    const { exchange, listener } = rig.send();
    rig.answer(CHUNKED);
    rig.clock.advance(TIMEOUTS.bodyTimeout - 1);
    exchange.resume();
    rig.clock.advance(1);
    expect(listener.told.at(-1)).toBe('failed: body-timeout');
  });

  test('that the kernel took the last byte is heard once: headersTimeout begins then and not again', async () => {
    const rig = new Rig();
    const { exchange, listener } = rig.send();
    rig.clock.advance(TIMEOUTS.headersTimeout - 1);
    exchange.flushed();
    await turn();
    rig.clock.advance(1);
    expect(listener.told.at(-1)).toBe('failed: headers-timeout');
  });
});

describe('abandon()', () => {
  test('while the request is not sent closes the connection, however little of the response is left', () => {
    const rig = new Rig();
    const { exchange } = rig.send({ method: 'POST', body: new OpenBody() });
    rig.answer('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n');
    exchange.abandon();
    expect(rig.owner.told.at(-1)).toBe('closed: aborted');
  });
});

test('an alert of TLS in the midst of an answer tells that the answer broke off, not that the origin refused us', async () => {
  const rig = new Rig({ secure: true });
  const { listener } = rig.send();
  rig.far.write(OK.slice(0, -1));
  await turn();
  rig.near.destroy(Object.assign(new Error('alert'), { code: 'ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR' }));
  await turn();
  expect(listener.error?.code).toBe('http_response_incomplete');
});

test.each([
  ['', 'without a byte of an answer'],
  ['HTTP/1.1 100 Continue\r\n\r\n', 'before a complete response head'],
  ['HTTP/1.1 200 OK\r\nConte', 'before a complete response head'],
  [OK.slice(0, -1), 'in the middle of its answer'],
])('the error of a reset behind %j tells how far the answer had come', async (came, when) => {
  const rig = new Rig();
  const { listener } = rig.send();
  rig.far.write(came);
  await turn();
  rig.near.destroy(Object.assign(new Error('reset'), { code: 'ECONNRESET' }));
  await turn();
  expect(listener.error?.message).toMatch(new RegExp(`closed the connection ${when}$`));
});
