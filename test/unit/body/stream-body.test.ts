import { Readable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { StreamBody } from '../../../src/body/stream-body.js';
import { Recorder } from './body-recorder.js';
import { bytes, openSource, settle, UNBOUNDED } from './source.js';

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
