import { Readable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { StreamBody } from '../../../src/body/stream-body.js';
import { Recorder } from './body-recorder.js';

/** A source that gives what is pushed into it and nothing else. */
function openSource(options: { objectMode?: boolean } = {}): Readable {
  return new Readable({ ...options, read() {} });
}

function bytes(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

function listedInItself(error: Error): Error {
  return Object.assign(error, { errors: [error] });
}

function untagged(thrown: object): Error {
  const get = () => {
    throw new Error('no tag');
  };
  return Object.defineProperty(thrown, Symbol.toStringTag, { get }) as Error;
}

/** Lets streams do what they have scheduled (`nextTick`, promises, one turn of the loop). */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

const UNBOUNDED = { length: undefined, replayBytes: 1 << 20 };

describe('a live body', () => {
  test('gives its prefix at once and then what arrives', async () => {
    const source = openSource();
    const body = new StreamBody(source, { ...UNBOUNDED, prefix: [bytes('ab'), bytes('c')] });
    const target = new Recorder();
    body.begin(target);
    const atOnce = target.text;
    source.push('de');
    source.push(null);
    await settle();
    expect([atOnce, target.text, target.ends.length]).toEqual(['abc', 'abcde', 1]);
  });

  test('never gives an empty piece', async () => {
    const source = openSource({ objectMode: true });
    const body = new StreamBody(source, { ...UNBOUNDED, prefix: [bytes('')] });
    const target = new Recorder();
    body.begin(target);
    for (const chunk of [bytes(''), bytes('a'), '']) source.push(chunk);
    source.push(null);
    await settle();
    expect(target.pieces).toEqual(['a']);
  });

  test('does not hold the large read that a small piece came in', async () => {
    const source = openSource();
    const body = new StreamBody(source, UNBOUNDED);
    const [target, given] = [new Recorder(), new Set<ArrayBufferLike>()];
    body.begin({
      write: (piece) => {
        given.add(piece.buffer);
        return target.write(piece);
      },
      end: (trailers) => target.end(trailers),
      fail: (error) => target.fail(error),
    });
    for (let at = 0; at < 40; at += 1) source.push(Buffer.alloc(65_536, 'x').subarray(0, 10));
    await settle();
    expect([target.text, given.size < 5]).toEqual(['x'.repeat(400), true]);
  });

  test('is not read before it begins', async () => {
    const source = Readable.from([bytes('a'), bytes('b')]);
    new StreamBody(source, UNBOUNDED);
    await settle();
    expect([source.readableFlowing, source.readableDidRead]).toEqual([null, false]);
  });

  test('loses nothing to another reader that has set its source flowing', async () => {
    const source = openSource();
    let seen = '';
    source.on('data', (chunk) => {
      seen += String(chunk);
    });
    const body = new StreamBody(source, UNBOUNDED);
    source.push('ab');
    await settle();
    source.push('cd');
    source.push(null);
    const target = new Recorder();
    body.begin(target);
    await settle();
    expect([target.text, seen, target.ends.length]).toEqual(['abcd', 'abcd', 1]);
  });

  test('asks for the trailers when the source has ended', async () => {
    const source = openSource();
    const trailers: string[] = [];
    const body = new StreamBody(source, { ...UNBOUNDED, trailers: () => trailers });
    const target = new Recorder();
    body.begin(target);
    trailers.push('x-sum', '7');
    source.push(null);
    await settle();
    expect(target.ends).toEqual([['x-sum', '7']]);
  });

  test('takes strings in the encoding of the source', async () => {
    const source = openSource();
    source.setEncoding('latin1');
    const target = new Recorder();
    new StreamBody(source, UNBOUNDED).begin(target);
    source.push(Buffer.from([0xff, 0x00, 0xe9]));
    source.push(null);
    await settle();
    expect(target.text).toBe('\u00ff\u0000\u00e9');
  });

  test('takes the chunks of a web stream', async () => {
    const web = new Blob(['from the web']).stream();
    const target = new Recorder();
    new StreamBody(Readable.fromWeb(web), UNBOUNDED).begin(target);
    while (!target.settled) await settle();
    expect([target.text, target.ends.length]).toEqual(['from the web', 1]);
  });

  test('fails on a chunk that is neither bytes nor a string', async () => {
    const source = Readable.from([{ an: 'object' }]);
    const target = new Recorder();
    new StreamBody(source, UNBOUNDED).begin(target);
    await settle();
    expect(target.failures[0]).toMatchObject({
      code: 'http_request_error',
      message: 'a request body must consist of bytes or strings, got a value of type object',
    });
  });

  test('whose source has ended already gives its prefix and its end', async () => {
    const source = Readable.from([]);
    source.resume();
    await settle();
    const target = new Recorder();
    new StreamBody(source, { ...UNBOUNDED, length: 2, prefix: [bytes('ab')] }).begin(target);
    expect([target.text, target.ends.length]).toEqual(['ab', 1]);
  });
});

describe('backpressure', () => {
  test('a target without room pauses the source until it is drained', async () => {
    const source = openSource();
    const body = new StreamBody(source, UNBOUNDED);
    const target = new Recorder();
    target.hasRoom = () => false;
    body.begin(target);
    source.push('a');
    await settle();
    source.push('b');
    await settle();
    const held = [target.text, source.isPaused()];
    body.drained();
    await settle();
    expect([held, target.text]).toEqual([['a', true], 'ab']);
  });

  test('kept bytes wait for room as well', async () => {
    const body = new StreamBody(openSource(), { ...UNBOUNDED, prefix: [bytes('a'), bytes('b'), bytes('c')] });
    const target = new Recorder();
    target.hasRoom = () => false;
    body.begin(target);
    const seen = [target.text];
    body.drained();
    seen.push(target.text);
    body.drained();
    seen.push(target.text);
    expect(seen).toEqual(['a', 'ab', 'abc']);
  });

  test('a target that drains inside its own write is not waited for', () => {
    const body = new StreamBody(openSource(), { ...UNBOUNDED, prefix: [bytes('a'), bytes('b'), bytes('c')] });
    const target = new Recorder();
    target.hasRoom = () => {
      body.drained();
      return false;
    };
    body.begin(target);
    expect(target.pieces).toEqual(['a', 'b', 'c']);
  });

  test('an end that arrives while the target has no room comes after it has', async () => {
    const source = openSource();
    const body = new StreamBody(source, { ...UNBOUNDED, prefix: [bytes('a'), bytes('b')] });
    const target = new Recorder();
    target.hasRoom = () => false;
    body.begin(target);
    source.push(null);
    body.drained();
    await settle();
    const before = target.ends.length;
    body.drained();
    await settle();
    expect([before, target.ends.length]).toEqual([0, 1]);
  });

  test('a chunk that comes after pause() is kept for its turn', () => {
    const source = openSource();
    const body = new StreamBody(source, UNBOUNDED);
    const target = new Recorder();
    target.hasRoom = () => false;
    body.begin(target);
    source.emit('data', bytes('a'));
    source.emit('data', bytes('b'));
    const early = target.text;
    body.drained();
    expect([early, target.text]).toEqual(['a', 'ab']);
  });

  test('a source that others set flowing is paused again', async () => {
    const source = openSource();
    const body = new StreamBody(source, UNBOUNDED);
    const target = new Recorder();
    target.hasRoom = () => false;
    body.begin(target);
    source.push('a');
    await settle();
    source.resume();
    source.push('b');
    await settle();
    expect([source.isPaused(), target.text]).toEqual([true, 'a']);
  });
});

describe('detaching', () => {
  test('a target is not written to after it was detached', async () => {
    const source = openSource();
    const body = new StreamBody(source, UNBOUNDED);
    const target = new Recorder();
    body.begin(target);
    source.push('a');
    await settle();
    body.detach();
    source.push('b');
    source.push(null);
    body.drained();
    await settle();
    expect([target.calls, target.text]).toEqual([1, 'a']);
  });

  test('the next target gets the kept bytes and then what arrived meanwhile', async () => {
    const source = openSource();
    const body = new StreamBody(source, UNBOUNDED);
    body.begin(new Recorder());
    source.push('ab');
    await settle();
    body.detach();
    source.push('cd');
    await settle();
    const second = new Recorder();
    body.begin(second);
    const atOnce = second.text;
    source.push(null);
    await settle();
    expect([atOnce, second.text, second.ends.length]).toEqual(['ab', 'abcd', 1]);
  });

  test('a target may detach from inside its write', () => {
    const body = new StreamBody(openSource(), { ...UNBOUNDED, prefix: [bytes('a'), bytes('b')] });
    const target = new Recorder();
    target.hasRoom = () => {
      body.detach();
      return true;
    };
    body.begin(target);
    expect(target.pieces).toEqual(['a']);
  });

  test('a target may detach and let another begin from inside its write', () => {
    const body = new StreamBody(openSource(), { ...UNBOUNDED, prefix: [bytes('a'), bytes('b')] });
    const [first, second] = [new Recorder(), new Recorder()];
    first.hasRoom = () => {
      body.detach();
      body.begin(second);
      return true;
    };
    body.begin(first);
    expect([first.text, second.text]).toEqual(['a', 'ab']);
  });

  test('a body that was complete can be given again', async () => {
    const source = Readable.from([bytes('ab'), bytes('cd')]);
    const body = new StreamBody(source, UNBOUNDED);
    const first = new Recorder();
    body.begin(first);
    while (!first.settled) await settle();
    const second = new Recorder();
    body.begin(second);
    expect([second.text, second.ends.length]).toEqual(['abcd', 1]);
  });
});

describe('a spent body', () => {
  const threeBytes = { length: undefined, replayBytes: 3 };

  test('is spent by the first byte beyond replayBytes', async () => {
    const source = openSource();
    const body = new StreamBody(source, threeBytes);
    const target = new Recorder();
    body.begin(target);
    source.push('abc');
    await settle();
    const before = body.replayable;
    source.push('d');
    await settle();
    expect([before, body.replayable]).toEqual([true, false]);
  });

  test('goes on to its end', async () => {
    const body = new StreamBody(Readable.from(['abcd', 'efgh', 'ij'].map(bytes)), threeBytes);
    const target = new Recorder();
    target.hasRoom = () => false;
    body.begin(target);
    while (!target.settled) {
      body.drained();
      await settle();
    }
    expect([target.text, target.ends.length]).toEqual(['abcdefghij', 1]);
  });

  test('cannot begin again', async () => {
    const body = new StreamBody(openSource(), { ...threeBytes, prefix: [bytes('abcd')] });
    body.begin(new Recorder());
    body.detach();
    expect(() => body.begin(new Recorder())).toThrow('spent');
  });

  test('lets go of its kept bytes at once, and of what follows as it is given', async () => {
    const source = openSource();
    const prefix = ['ab', 'cd', 'ef', 'gh'].map(bytes);
    const body = new StreamBody(source, { ...threeBytes, prefix });
    const target = new Recorder();
    target.hasRoom = () => false;
    const held = [body.heldBytes];
    body.begin(target);
    held.push(body.heldBytes);
    for (const chunk of ['', 'ij', '', '', 'kl']) {
      source.push(chunk);
      await settle();
      body.drained();
      held.push(body.heldBytes);
    }
    expect([target.text, held]).toEqual(['abcdefghij', [8, 8, 4, 2, 0, 0, 0]]);
  });

  test('a prefix longer than replayBytes is replayable until it is given out', () => {
    const body = new StreamBody(openSource(), { ...threeBytes, prefix: [bytes('abcdef')] });
    expect(body.replayable).toBe(true);
  });

  test('a write that is refused on the spot does not spend the body', () => {
    const body = new StreamBody(openSource(), { ...threeBytes, prefix: [bytes('abcdef')] });
    const first = new Recorder();
    first.hasRoom = () => {
      body.detach();
      return false;
    };
    body.begin(first);
    const second = new Recorder();
    body.begin(second);
    expect([second.text, body.replayable]).toEqual(['abcdef', false]);
  });

  test('bytes given twice count once', async () => {
    const source = openSource();
    const body = new StreamBody(source, { ...threeBytes, prefix: [bytes('ab')] });
    for (let pass = 0; pass < 5; pass += 1) {
      body.begin(new Recorder());
      body.detach();
    }
    expect(body.replayable).toBe(true);
  });
});

describe('a body that cannot be completed', () => {
  test('tells the target that its source failed, with the cause', async () => {
    const source = openSource();
    const target = new Recorder();
    new StreamBody(source, UNBOUNDED).begin(target);
    source.push('ab');
    await settle();
    const cause = new Error('disk gone');
    source.destroy(cause);
    await settle();
    expect(target.failures).toHaveLength(1);
    expect(target.failures[0]).toMatchObject({
      code: 'client_aborted',
      message: 'the request body failed after 2 bytes: disk gone',
      cause,
    });
  });

  test.each([
    ['stands in its own list of errors', 'disk gone', () => listedInItself(new Error('disk gone'))],
    ['has a tag that cannot be read', 'something of type object was thrown', () => untagged({})],
  ])('tells the target that its source failed, with an error that %s', async (_, message, cause) => {
    const source = openSource();
    const target = new Recorder();
    new StreamBody(source, UNBOUNDED).begin(target);
    source.destroy(cause());
    await settle();
    expect(target.failures).toMatchObject([{ message: `the request body failed after 0 bytes: ${message}` }]);
  });

  test('tells the target that its source closed without an end', async () => {
    const source = openSource();
    const target = new Recorder();
    new StreamBody(source, UNBOUNDED).begin(target);
    source.destroy();
    await settle();
    expect(target.failures.map((error) => error.message)).toEqual(['the request body was cut off after 0 bytes']);
  });

  test('does not wait for room to say so', async () => {
    const source = openSource();
    const body = new StreamBody(source, { ...UNBOUNDED, prefix: [bytes('a'), bytes('b')] });
    const target = new Recorder();
    target.hasRoom = () => false;
    body.begin(target);
    source.destroy();
    await settle();
    expect([target.text, target.failures.length]).toEqual(['a', 1]);
  });

  test('fails a target that begins later, without a write', async () => {
    const source = openSource();
    const body = new StreamBody(source, { ...UNBOUNDED, prefix: [bytes('ab')] });
    source.destroy(new Error('gone'));
    await settle();
    const target = new Recorder();
    body.begin(target);
    expect([body.replayable, target.pieces, target.failures.length, target.calls]).toEqual([false, [], 1, 1]);
  });

  test('fails the next target when the source failed between two runs', async () => {
    const source = openSource();
    const body = new StreamBody(source, UNBOUNDED);
    const first = new Recorder();
    body.begin(first);
    body.detach();
    source.destroy();
    await settle();
    const second = new Recorder();
    body.begin(second);
    expect([first.calls, second.failures.length]).toEqual([0, 1]);
  });

  test('fails when the source was destroyed before the body was made', async () => {
    const source = openSource();
    source.destroy();
    await settle();
    const target = new Recorder();
    new StreamBody(source, UNBOUNDED).begin(target);
    expect(target.failures).toHaveLength(1);
  });

  test('tells the cause when the source failed before the body was made', async () => {
    const source = openSource();
    source.on('error', () => {});
    const cause = new Error('disk gone');
    source.destroy(cause);
    await settle();
    const target = new Recorder();
    new StreamBody(source, UNBOUNDED).begin(target);
    expect(target.failures[0]?.cause).toBe(cause);
  });

  test('fails when a message says at its end that it is not complete', async () => {
    const source = Object.assign(openSource(), { complete: false });
    const target = new Recorder();
    new StreamBody(source, UNBOUNDED).begin(target);
    source.push(null);
    await settle();
    expect([target.ends.length, target.failures.length]).toEqual([0, 1]);
  });

  test('fails when it is shorter than declared', async () => {
    const source = openSource();
    const target = new Recorder();
    new StreamBody(source, { ...UNBOUNDED, length: 5 }).begin(target);
    source.push('abc');
    source.push(null);
    await settle();
    expect([target.text, target.ends.length, target.failures[0]?.message]).toEqual([
      'abc',
      0,
      'the request body ended after 3 of the 5 bytes that were declared',
    ]);
  });

  test('fails when it is longer than declared, and nothing of the surplus is written', async () => {
    const source = openSource();
    const target = new Recorder();
    new StreamBody(source, { ...UNBOUNDED, length: 5 }).begin(target);
    source.push('abc');
    await settle();
    source.push('defg');
    await settle();
    expect([target.text, target.failures[0]?.message]).toEqual([
      'abc',
      'the request body is longer than the 5 bytes that were declared',
    ]);
  });

  test('fails when its prefix alone is longer than declared', () => {
    const target = new Recorder();
    new StreamBody(openSource(), { ...UNBOUNDED, length: 1, prefix: [bytes('ab')] }).begin(target);
    expect([target.pieces, target.failures.length]).toEqual([[], 1]);
  });
});

describe('the source', () => {
  const LISTENED = ['data', 'end', 'error', 'close', 'readable'];
  function listeners(source: Readable): number[] {
    return LISTENED.map((event) => source.listenerCount(event));
  }

  test('has no listener of ours after the end', async () => {
    const source = openSource();
    const before = listeners(source);
    const body = new StreamBody(source, UNBOUNDED);
    for (let pass = 0; pass < 3; pass += 1) {
      body.begin(new Recorder());
      body.detach();
    }
    body.begin(new Recorder());
    source.push(null);
    await settle();
    expect(listeners(source)).toEqual(before);
  });

  test('has no listener of ours after a failure', async () => {
    const source = openSource();
    const before = listeners(source);
    new StreamBody(source, UNBOUNDED).begin(new Recorder());
    source.destroy(new Error('gone'));
    await settle();
    expect(listeners(source)).toEqual(before);
  });

  test('is left to its owner when the body is abandoned: paused, alive, nothing lost', async () => {
    const source = openSource();
    const before = listeners(source);
    const body = new StreamBody(source, UNBOUNDED);
    body.begin(new Recorder());
    body.abandon();
    source.push('rest');
    await settle();
    expect(listeners(source)).toEqual(before);
    expect([source.destroyed, source.isPaused(), String(source.read())]).toEqual([false, true, 'rest']);
  });

  test('is read to its end by pieces of one byte without keeping an object for each', async () => {
    const text = 'x'.repeat(4_000);
    const body = new StreamBody(Readable.from([...text].map(bytes)), UNBOUNDED);
    const first = new Recorder();
    body.begin(first);
    while (!first.settled) await settle();
    const second = new Recorder();
    body.begin(second);
    expect([first.text === text, second.text === text, second.pieces.length < 600]).toEqual([true, true, true]);
  });
});

test('whatever the chunks, the cuts and the backpressure, the last target sees the whole and the others a prefix', async () => {
  const chunk = fc.string({ unit: 'grapheme-ascii', maxLength: 9 });
  await fc.assert(
    fc.asyncProperty(
      fc.array(chunk, { maxLength: 8 }),
      fc.array(chunk, { maxLength: 12 }),
      fc.boolean(),
      fc.array(fc.record({ cutAfter: fc.nat(6), inWrite: fc.boolean() }), { maxLength: 3 }),
      fc.array(fc.boolean(), { minLength: 1, maxLength: 10 }),
      async (prefix, chunks, declared, cuts, rooms) => {
        const whole = [...prefix, ...chunks].join('');
        const source = Readable.from(chunks.map(bytes));
        const body = new StreamBody(source, {
          length: declared ? whole.length : undefined,
          replayBytes: 1 << 20,
          prefix: prefix.map(bytes),
        });
        let turn = 0;
        const hasRoom = () => rooms[turn++ % rooms.length] ?? true;
        for (const cut of cuts) {
          const target = new Recorder();
          target.hasRoom = () => {
            if (cut.inWrite && target.calls > cut.cutAfter) body.detach();
            return hasRoom();
          };
          body.begin(target);
          for (let step = 0; step < cut.cutAfter; step += 1) {
            await settle();
            body.drained();
          }
          body.detach();
          const calls = target.calls;
          await settle();
          expect(target.calls).toBe(calls);
          expect(target.ends.length > 0 ? target.text === whole : whole.startsWith(target.text)).toBe(true);
        }
        const last = new Recorder();
        last.hasRoom = hasRoom;
        body.begin(last);
        while (!last.settled) {
          await settle();
          body.drained();
        }
        await settle();
        expect([last.text, last.ends.length, last.failures.length]).toEqual([whole, 1, 0]);
      },
    ),
    { numRuns: 200 },
  );
});
