import { describe, expect, test } from 'vitest';
import { MemoryBody } from '../../../src/body/memory-body.js';
import { Recorder } from './body-recorder.js';

function bytes(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

describe('a body in memory', () => {
  test('is given whole in one write, then its end with the trailers', () => {
    const body = new MemoryBody(bytes('hello'), ['x-sum', '1']);
    const target = new Recorder();
    body.begin(target);
    expect(target).toMatchObject({ pieces: ['hello'], ends: [['x-sum', '1']], failures: [] });
  });

  test('shows itself and its length', () => {
    const content = bytes('hello');
    const body = new MemoryBody(content);
    expect([body.whole, body.length, body.replayable]).toEqual([content, 5, true]);
  });

  test('is not copied', () => {
    const content = bytes('hello');
    const given: Uint8Array[] = [];
    const target = Object.assign(new Recorder(), { write: (piece: Uint8Array) => given.push(piece) > 0 });
    new MemoryBody(content).begin(target);
    expect(given[0]).toBe(content);
  });

  test('has no declared length with trailers', () => {
    expect(new MemoryBody(bytes('hello'), ['x-sum', '1']).length).toBeUndefined();
  });

  test('can be given any number of times', () => {
    const body = new MemoryBody(bytes('hello'));
    const targets = [new Recorder(), new Recorder(), new Recorder()];
    for (const target of targets) body.begin(target);
    expect(targets.map((target) => target.text)).toEqual(['hello', 'hello', 'hello']);
  });

  test('that is empty ends without a write', () => {
    const target = new Recorder();
    new MemoryBody(bytes('')).begin(target);
    expect(target).toMatchObject({ pieces: [], ends: [[]] });
  });

  test('ends only when a target that asked to wait has room', () => {
    const body = new MemoryBody(bytes('hello'));
    const target = new Recorder();
    target.hasRoom = () => false;
    body.begin(target);
    const before = target.ends.length;
    body.drained();
    expect([before, target.ends.length]).toEqual([0, 1]);
  });

  test('is not waited for by a target that drains inside its own write', () => {
    const body = new MemoryBody(bytes('hello'));
    const target = new Recorder();
    let endsInside = 0;
    target.hasRoom = () => {
      body.drained();
      endsInside = target.ends.length;
      return false;
    };
    body.begin(target);
    expect([endsInside, target.pieces, target.ends]).toEqual([0, ['hello'], [[]]]);
  });

  test('waits for room in each pass, whatever was drained in the one before', () => {
    const body = new MemoryBody(bytes('hello'));
    const [first, second] = [new Recorder(), new Recorder()];
    body.begin(first);
    body.drained();
    second.hasRoom = () => false;
    body.begin(second);
    expect([first.ends.length, second.ends.length]).toEqual([1, 0]);
  });

  test('ends once, however often its target has room', () => {
    const body = new MemoryBody(bytes('hello'));
    const target = new Recorder();
    target.hasRoom = () => false;
    body.begin(target);
    body.drained();
    body.drained();
    expect(target.ends.length).toBe(1);
  });

  test('ends for nobody that has left, be it inside its own write', () => {
    const body = new MemoryBody(bytes('hello'));
    const [inside, later, last] = [new Recorder(), new Recorder(), new Recorder()];
    inside.hasRoom = () => {
      body.detach();
      return true;
    };
    body.begin(inside);
    later.hasRoom = () => false;
    body.begin(later);
    body.detach();
    body.drained();
    body.begin(last);
    expect([inside, later, last].map(({ text, ends }) => [text, ends.length])).toEqual([
      ...[['hello', 0]],
      ...[['hello', 0]],
      ...[['hello', 1]],
    ]);
  });

  test('counts what was given out', () => {
    const body = new MemoryBody(bytes('hello'));
    const before = body.givenBytes;
    body.begin(new Recorder());
    expect([before, body.givenBytes]).toEqual([0, 5]);
  });

  test('of text is that text where it is ASCII, and its bytes in UTF-8 where it is not', () => {
    const texts = ['hello', '', 'caf\xe9', '\u{1f600}', '\ud800'];
    const bodies = texts.map((text) => MemoryBody.ofText(text));
    expect(bodies.map(({ whole }) => whole)).toEqual(['hello', '', ...texts.slice(2).map((text) => Buffer.from(text))]);
    expect(bodies.map(({ length }) => length)).toEqual([5, 0, 5, 4, 3]);
  });

  test('of text is given out in bytes', () => {
    const target = new Recorder();
    MemoryBody.ofText('hello', ['x-sum', '1']).begin(target);
    expect(target).toMatchObject({ pieces: ['hello'], ends: [['x-sum', '1']] });
  });

  test('cannot begin once it is abandoned', () => {
    const body = new MemoryBody(bytes('hello'));
    body.abandon();
    expect(body.replayable).toBe(false);
    expect(() => body.begin(new Recorder())).toThrow('abandoned');
  });

  test('refuses a second target while one is being served', () => {
    const body = new MemoryBody(bytes('hello'));
    const target = new Recorder();
    target.hasRoom = () => false;
    body.begin(target);
    expect(() => body.begin(new Recorder())).toThrow('another target');
  });
});
