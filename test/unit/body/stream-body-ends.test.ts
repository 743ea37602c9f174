import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { StreamBody } from '../../../src/body/stream-body.js';
import { Recorder } from './body-recorder.js';
import { bytes, openSource, settle, UNBOUNDED } from './source.js';

function listedInItself(error: Error): Error {
  return Object.assign(error, { errors: [error] });
}

function untagged(thrown: object): Error {
  const get = () => {
    throw new Error('no tag');
  };
  return Object.defineProperty(thrown, Symbol.toStringTag, { get }) as Error;
}

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
