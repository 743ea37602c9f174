import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { MemoryBody } from '../../../src/body/memory-body.js';
import { StreamBody } from '../../../src/body/stream-body.js';
import type { BodySource, BodyTarget } from '../../../src/connection/body-source.js';
import { BackendError } from '../../../src/errors.js';
import { Listener, OK, Rig, TIMEOUTS, turn } from './rig.js';

/** A body that the test gives by hand. */
class HandBody implements BodySource {
  readonly length: number | undefined;
  readonly whole = undefined;
  readonly told: string[] = [];
  target: BodyTarget | undefined;

  constructor(length?: number) {
    this.length = length;
  }

  begin(target: BodyTarget): void {
    this.target = target;
  }

  drained(): void {
    this.told.push('drained');
  }

  detach(): void {
    this.told.push('detach');
    this.target = undefined;
  }
}

const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';

test.each([
  ['of a known length', 50_000],
  ['in chunks', undefined],
])(
  'a body %s that comes byte by byte waits for its origin after a few hundred bytes, and goes on',
  async (_, length) => {
    const rig = new Rig();
    const body = new HandBody(length);
    rig.near.stopTaking();
    rig.send({ method: 'PUT', body });
    let count = 1;
    while (count < 20_000 && body.target?.write(Buffer.from('x'))) count += 1;
    expect([count < 200, body.told]).toEqual([true, []]);
    rig.near.takeOn();
    await turn();
    expect([body.told, body.target?.write(Buffer.from('x'))]).toEqual([['drained'], true]);
  },
);

describe('the two facts', () => {
  test('sent and received go from nothing through some to all', () => {
    const rig = new Rig();
    const body = new HandBody(2);
    const { exchange } = rig.send({ method: 'PUT', body });
    const seen: string[] = [];
    const see = () => seen.push(`${exchange.sent} ${exchange.received} ${exchange.phase}`);
    see();
    body.target?.write(Buffer.from('ok'));
    see();
    body.target?.end([]);
    see();
    rig.answer('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n');
    see();
    rig.answer('ok');
    see();
    expect(seen).toEqual([
      'some nothing send',
      'some nothing send',
      'all nothing wait',
      'all some response-body',
      'all all done',
    ]);
  });

  test('before start() nothing is sent', () => {
    const rig = new Rig();
    const exchange = rig.connection.begin({ method: 'GET', timeouts: TIMEOUTS }, undefined, new Listener());
    expect([exchange.sent, rig.near.bytesWritten]).toEqual(['nothing', 0]);
  });

  test('while the kernel keeps the bytes waiting, not all is sent', () => {
    const rig = new Rig();
    rig.near.stopTaking();
    const { exchange } = rig.send();
    const waiting = exchange.sent;
    rig.near.takeOn();
    return turn().then(() => expect([waiting, exchange.sent]).toEqual(['some', 'all']));
  });

  test('a head that waits for the kernel has nothing behind it when it is taken', async () => {
    const rig = new Rig();
    const pieces: string[] = [];
    rig.far.on('data', (bytes: Buffer) => pieces.push(bytes.toString('latin1')));
    rig.near.stopTaking();
    rig.send();
    rig.near.takeOn();
    await turn();
    expect(pieces.join('')).toBe('GET / HTTP/1.1\r\nHost: o\r\n\r\n');
  });
});

describe('a first write that the kernel refuses', () => {
  test('on plain TCP: nothing was sent, the connection is closed, the listener is told nothing', async () => {
    const rig = new Rig();
    rig.near.refuseNextWrite();
    const { exchange, listener, started } = rig.send();
    await turn();
    expect([started, exchange.sent, listener.told, rig.owner.told]).toEqual([false, 'nothing', [], ['closed: stale']]);
  });

  test('a body that streams is not begun', async () => {
    const rig = new Rig();
    const body = new HandBody();
    rig.near.refuseNextWrite();
    rig.send({ method: 'POST', body });
    await turn();
    expect(body.target).toBeUndefined();
  });

  test('on TLS it proves nothing: some was sent, and the exchange fails', async () => {
    const rig = new Rig({ secure: true });
    rig.near.refuseNextWrite();
    const { exchange, listener, started } = rig.send();
    await turn();
    expect([started, exchange.sent === 'nothing', listener.told, rig.owner.told]).toEqual([
      true,
      false,
      ['failed: closed'],
      ['closed: silent'],
    ]);
  });

  test('is not one that throws: the origin may have got it', async () => {
    const rig = new Rig();
    const { write } = rig.near;
    Object.assign(rig.near, {
      write: (...given: Parameters<typeof write>) => {
        write.apply(rig.near, given);
        throw new Error('an instrumentation threw');
      },
    });
    const exchange = rig.connection.begin({ method: 'POST', timeouts: TIMEOUTS }, undefined, new Listener());
    expect(() => exchange.start('POST / HTTP/1.1\r\n\r\n')).toThrow('an instrumentation threw');
    await turn();
    expect(rig.heard).toContain('POST');
    expect(exchange.sent).toBe('some');
  });

  test('a later refusal is a close after some was sent', async () => {
    const rig = new Rig();
    const body = new HandBody(4);
    const { exchange, listener, started } = rig.send({ method: 'POST', body });
    rig.near.refuseNextWrite();
    body.target?.write(Buffer.from('ok'));
    await turn();
    expect([started, exchange.sent, listener.told]).toEqual([true, 'some', ['failed: closed']]);
  });
});

describe('the request on the wire', () => {
  const written = async (body: BodySource | undefined): Promise<{ text: string; writes: number }> => {
    const rig = new Rig();
    let writes = 0;
    rig.far.on('data', () => {
      writes += 1;
    });
    rig.send({ method: 'POST', head: 'HEAD\r\n\r\n', ...(body !== undefined && { body }) });
    for (let turns = 0; turns < 40; turns += 1) await turn();
    return { text: rig.heard, writes };
  };

  test('a head and a small body go out in one write', async () => {
    expect(await written(new MemoryBody(Buffer.from('a\xff', 'latin1')))).toEqual({
      text: 'HEAD\r\n\r\na\xff',
      writes: 1,
    });
  });

  test('a head and a small text, too', async () => {
    expect(await written(new MemoryBody('hello'))).toEqual({ text: 'HEAD\r\n\r\nhello', writes: 1 });
  });

  test.each([
    ['bytes', Buffer.alloc(16_384, 'a')],
    ['text', 'a'.repeat(16_384)],
  ])('a body of 16 KiB is small: %s', async (_, body) => {
    const { text, writes } = await written(new MemoryBody(body));
    expect([text.length, writes]).toEqual(['HEAD\r\n\r\n'.length + 16_384, 1]);
  });

  test('a longer text is written whole', async () => {
    const { text } = await written(new MemoryBody(`${'a'.repeat(100_000)}END`));
    expect([text.length, text.slice(-3)]).toEqual(['HEAD\r\n\r\n'.length + 100_003, 'END']);
  });

  test('a head alone, too', async () => {
    expect(await written(undefined)).toEqual({ text: 'HEAD\r\n\r\n', writes: 1 });
  });

  test('a body without a declared length goes out in chunks, and its trailers behind it', async () => {
    expect(await written(new MemoryBody(Buffer.from('hello'), ['A', 'b']))).toMatchObject({
      text: 'HEAD\r\n\r\n5\r\nhello\r\n0\r\nA: b\r\n\r\n',
    });
    const stream = Readable.from([Buffer.from('he'), Buffer.from('llo')]);
    expect(await written(new StreamBody(stream, { length: undefined, replayBytes: 9 }))).toMatchObject({
      text: 'HEAD\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n',
    });
  });

  test('a chunk is one write, framing and all', async () => {
    const rig = new Rig();
    const body = new HandBody();
    rig.send({ method: 'POST', body });
    await turn();
    const pieces: string[] = [];
    rig.far.on('data', (bytes: Buffer) => pieces.push(bytes.toString()));
    rig.near.stopTaking(); // all that waits is taken together
    body.target?.write(Buffer.from('hello'));
    rig.near.takeOn();
    await turn();
    expect(pieces.join('')).toBe('5\r\nhello\r\n');
  });

  test.each([20_000, 65_536, 65_537, 1_000_000])(
    'a long body of %i bytes in memory is written whole',
    async (length) => {
      const bytes = Buffer.alloc(length, 'x');
      bytes.write('END', length - 3);
      expect((await written(new MemoryBody(bytes))).text === `HEAD\r\n\r\n${bytes}`).toBe(true);
    },
  );

  test('a trailer that cannot be written ends the exchange instead of leaving it without an end', () => {
    const rig = new Rig();
    const body = new HandBody();
    const { listener } = rig.send({ method: 'POST', body });
    body.target?.end(['a b', 'c']);
    expect([listener.told, listener.error?.code, rig.owner.told]).toEqual([
      ['failed: body-failed'],
      'http_request_error',
      ['closed: aborted'],
    ]);
  });

  test('a body source that fails in the middle ends the exchange with its error, and the connection', () => {
    const rig = new Rig();
    const body = new HandBody(9);
    const { listener, exchange } = rig.send({ method: 'POST', body });
    body.target?.write(Buffer.from('half'));
    body.target?.fail(new Error('the disk is gone'));
    expect([listener.told, listener.error?.code, listener.error?.message, exchange.sent, rig.owner.told]).toEqual([
      ['failed: body-failed'],
      'client_aborted',
      "the request's body broke off: the disk is gone",
      'some',
      ['closed: aborted'],
    ]);
  });

  test('the error of a body source keeps its code', () => {
    const rig = new Rig();
    const body = new HandBody(9);
    const { listener } = rig.send({ method: 'POST', body });
    const cause = new BackendError('http_request_error', 'too long');
    body.target?.fail(cause);
    expect(listener.error).toBe(cause);
  });
});

describe('backpressure', () => {
  test('a body is held back while the origin takes nothing, and goes on when it does', async () => {
    const rig = new Rig();
    const body = new HandBody(200_000);
    rig.send({ method: 'POST', body });
    await turn();
    rig.near.stopTaking();
    const more = body.target?.write(Buffer.alloc(65_536));
    await turn();
    const before = [...body.told];
    rig.near.takeOn();
    await turn();
    expect([more, before, body.told]).toEqual([false, [], ['drained']]);
  });

  test('the rest of a long piece waits as well', async () => {
    const rig = new Rig();
    const body = new HandBody(200_000);
    rig.send({ method: 'POST', body });
    await turn();
    rig.near.stopTaking();
    body.target?.write(Buffer.alloc(200_000));
    expect(rig.near.writableLength).toBeLessThan(100_000);
  });

  test('a listener that has enough stops the reading until it resumes', () => {
    const rig = new Rig();
    const listener = new Listener();
    const { exchange } = rig.send({ listener });
    listener.takes = false;
    rig.answer('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n', 'ab', 'c', 'd');
    const held = listener.body;
    listener.takes = true;
    exchange.resume();
    expect([held, listener.body, listener.told.at(-1), rig.owner.told.at(-1)]).toEqual([
      'ab',
      'abcd',
      'ended',
      'reusable',
    ]);
  });
});

test('when the rest of a paused response was decrypted already, the connection reads on for the next exchange', () => {
  const rig = new Rig({ secure: true });
  const { listener } = rig.send();
  listener.takes = false;
  rig.answer('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n', 'o');
  rig.decrypted('k');
  const next = rig.send();
  rig.answer(OK);
  expect([listener.told.at(-1), listener.body, next.listener.told.at(-1)]).toEqual(['ended', 'ok', 'ended']);
});

describe('a response before the request was written', () => {
  test('is passed on; the rest of the request is not written, and the connection not reused', async () => {
    const rig = new Rig();
    const body = new HandBody();
    const { listener } = rig.send({ method: 'POST', body });
    const { target } = body;
    body.target?.write(Buffer.from('half'));
    rig.answer(OK);
    target?.write(Buffer.from('more'));
    target?.end([]);
    await turn();
    expect([listener.told, body.told, rig.owner.told, rig.heard.includes('more')]).toEqual([
      ['head: 200', 'body', 'ended'],
      ['detach'],
      ['head: 200', 'closed: unfinished-request'],
      false,
    ]);
  });

  test('a head alone does not stop the upload', () => {
    const rig = new Rig();
    const body = new HandBody();
    const { listener } = rig.send({ method: 'POST', body });
    rig.answer(CHUNKED);
    body.target?.write(Buffer.from('half'));
    body.target?.end([]);
    rig.answer('0\r\n\r\n');
    expect([listener.told, rig.owner.told]).toEqual([
      ['head: 200', 'ended'],
      ['head: 200', 'reusable'],
    ]);
  });
});

describe('timeouts', () => {
  test('no head within headersTimeout of the request fully sent', () => {
    const rig = new Rig();
    const { listener, exchange } = rig.send();
    rig.clock.advance(1_999);
    const before = [...listener.told];
    rig.clock.advance(1);
    expect([before, listener.told, listener.error?.code, exchange.sent, rig.owner.told]).toEqual([
      [],
      ['failed: headers-timeout'],
      'http_response_timeout',
      'all',
      ['closed: timeout'],
    ]);
  });

  test('the time of the upload does not count', () => {
    const rig = new Rig();
    const body = new HandBody();
    const { listener } = rig.send({ method: 'POST', body });
    rig.clock.advance(60_000);
    body.target?.end([]);
    rig.clock.advance(1_999);
    const before = [...listener.told];
    rig.clock.advance(1);
    expect([before, listener.told]).toEqual([[], ['failed: headers-timeout']]);
  });

  test('interim responses are no head, however many', () => {
    const rig = new Rig();
    const { listener, exchange } = rig.send();
    for (let i = 0; i < 4; i += 1) {
      rig.clock.advance(499);
      rig.answer('HTTP/1.1 102 Processing\r\n\r\n');
    }
    rig.clock.advance(4);
    expect([listener.told.at(-1), exchange.received]).toEqual(['failed: headers-timeout', 'some']);
  });

  test('an answer that is read in the turn of the timeout wins', () => {
    const rig = new Rig();
    const { listener } = rig.send();
    rig.clock.after(2_000, () => rig.answer(OK)); // read after the timers of this moment, before what comes soon
    rig.clock.advance(2_000);
    expect(listener.told.at(-1)).toBe('ended');
  });

  test('silence in a body for bodyTimeout', () => {
    const rig = new Rig();
    const { listener } = rig.send();
    rig.answer(CHUNKED);
    rig.clock.advance(2_999);
    rig.answer('2\r\nok\r\n');
    rig.clock.advance(2_999);
    const before = listener.told.at(-1);
    rig.clock.advance(1);
    expect([before, listener.told.at(-1), listener.error?.code]).toEqual([
      'body',
      'failed: body-timeout',
      'connection_read_timeout',
    ]);
  });

  test('bodyTimeout stands still while we pause, and begins anew with resume()', () => {
    const rig = new Rig();
    const { listener, exchange } = rig.send();
    listener.takes = false;
    rig.answer(CHUNKED, '2\r\nok\r\n');
    rig.clock.advance(100_000);
    const paused = listener.told.at(-1);
    exchange.resume();
    rig.clock.advance(2_999);
    const resumed = listener.told.at(-1);
    rig.clock.advance(1);
    expect([paused, resumed, listener.told.at(-1)]).toEqual(['body', 'body', 'failed: body-timeout']);
  });

  test('and stands still, too, when more comes that TLS had read already', () => {
    const rig = new Rig({ secure: true });
    const { listener } = rig.send();
    listener.takes = false;
    rig.answer(CHUNKED, '2\r\nok\r\n');
    listener.takes = true;
    rig.decrypted('2\r\nok\r\n');
    rig.clock.advance(100_000);
    expect(listener.told.at(-1)).toBe('body');
  });

  test.each([
    ['text/event-stream', false],
    ['Text/Event-Stream; charset=utf-8', false],
    ['text/event-streams', true],
    ['text/plain', true],
  ])('a silent body of type %s is timed out: %s', (type, timedOut) => {
    const rig = new Rig();
    const { listener } = rig.send();
    rig.answer(`HTTP/1.1 200 OK\r\nContent-TYPE: ${type}\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n`);
    rig.clock.advance(100_000);
    expect(listener.told.at(-1) === 'failed: body-timeout').toBe(timedOut);
  });

  test('an origin that takes no byte for sendTimeout', () => {
    const rig = new Rig();
    rig.near.stopTaking();
    const { listener, exchange } = rig.send();
    rig.clock.advance(999);
    const before = [...listener.told];
    rig.clock.advance(1);
    expect([before, listener.told, listener.error?.code, exchange.sent]).toEqual([
      [],
      ['failed: send-timeout'],
      'connection_write_timeout',
      'some',
    ]);
  });

  test('the head, too, must be taken, however slowly the body comes', () => {
    const rig = new Rig();
    rig.near.stopTaking();
    const { listener } = rig.send({ method: 'POST', body: new HandBody() });
    rig.clock.advance(1_000);
    expect(listener.told).toEqual(['failed: send-timeout']);
  });

  test('each byte taken begins sendTimeout anew, within one long body in memory, too', async () => {
    const rig = new Rig();
    rig.near.stopTaking();
    rig.near.prependListener('drain', () => rig.near.stopTaking()); // one piece at a time
    const { listener, exchange } = rig.send({ method: 'PUT', body: new MemoryBody(Buffer.alloc(400_000)) });
    let rounds = 0;
    for (; exchange.sent !== 'all' && listener.told.length === 0; rounds += 1) {
      rig.clock.advance(900);
      rig.near.takeOn();
      await turn();
    }
    expect([listener.told, rounds > 4]).toEqual([[], true]);
  });

  test('a client that is slow to give its body is not the origin that is slow to take it', async () => {
    const rig = new Rig();
    const body = new HandBody();
    const { listener } = rig.send({ method: 'POST', body });
    await turn();
    body.target?.write(Buffer.from('a'));
    await turn();
    rig.clock.advance(100_000);
    expect([listener.told, rig.deadlines.size]).toEqual([[], 0]);
  });
});

describe('abandon', () => {
  const length = (bytes: number) => `HTTP/1.1 200 OK\r\nContent-Length: ${bytes}\r\n\r\n`;

  test('a response that is nearly here is read to its end, and the connection handed back', () => {
    const rig = new Rig();
    const { exchange, listener } = rig.send();
    rig.answer(length(65_537), 'x');
    exchange.abandon();
    const told = listener.told.length;
    rig.answer('x'.repeat(65_536));
    expect([rig.owner.told, listener.told.length - told]).toEqual([['head: 200', 'reusable'], 0]);
  });

  test('paused as it may be', () => {
    const rig = new Rig();
    const { exchange, listener } = rig.send();
    listener.takes = false;
    rig.answer(length(3), 'x', 'yz');
    exchange.abandon();
    rig.clock.advance(10_000);
    expect([rig.owner.told, listener.body]).toEqual([['head: 200', 'reusable'], 'x']);
  });

  test('and when there is nothing left, as after HEAD', () => {
    const rig = new Rig();
    const listener = new Listener();
    const { exchange } = rig.send({ method: 'HEAD', listener });
    listener.during = () => exchange.abandon();
    rig.answer(length(1_000_000));
    rig.clock.advance(1);
    expect(rig.owner.told).toEqual(['head: 200', 'reusable']);
  });

  test.each([
    ['more than 64 KiB is left', length(65_540)],
    ['nobody knows how much is left', CHUNKED],
    ['no head is here', ''],
  ])('when %s, it costs the connection', (_why, text) => {
    const rig = new Rig();
    const { exchange, listener } = rig.send();
    if (text !== '') rig.answer(text, '1\r\n');
    const told = listener.told.length;
    exchange.abandon();
    rig.answer('x');
    expect([rig.owner.told.at(-1), listener.told.length - told]).toEqual(['closed: aborted', 0]);
  });

  test('half a request costs the connection, and no more of it is written', () => {
    const rig = new Rig();
    const body = new HandBody();
    const { exchange } = rig.send({ method: 'POST', body });
    exchange.abandon();
    expect([rig.owner.told, body.told]).toEqual([['closed: aborted'], ['detach']]);
  });

  test('what is left must come within a second, however it trickles', () => {
    const rig = new Rig();
    const { exchange, listener } = rig.send();
    rig.answer(length(1_000));
    exchange.abandon();
    for (let i = 0; i < 9; i += 1) {
      rig.clock.advance(100);
      rig.answer('x');
    }
    const before = rig.owner.told.length;
    rig.clock.advance(100);
    expect([before, rig.owner.told, listener.told]).toEqual([1, ['head: 200', 'closed: timeout'], ['head: 200']]);
  });

  test.each([true, false])('from within readEnded, with more to come (the listener then answers %s)', (takes) => {
    const rig = new Rig();
    const listener = new Listener();
    const { exchange } = rig.send({ listener });
    listener.takes = takes;
    listener.during = (event) => event === 'read ended' && exchange.abandon();
    rig.answer(length(3), 'x', 'yz');
    expect(rig.owner.told).toEqual(['head: 200', 'reusable']);
  });

  test('after the end it does nothing', () => {
    const rig = new Rig();
    const { exchange } = rig.send();
    rig.answer(OK);
    const next = rig.send();
    exchange.abandon();
    rig.answer(OK);
    expect([next.listener.told.at(-1), rig.owner.told.at(-1), rig.deadlines.size]).toEqual(['ended', 'reusable', 0]);
  });
});
