import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ResponseBody } from '../../../src/call/response-body.js';

function made() {
  const calls = { wanted: 0 };
  const wanted = () => {
    calls.wanted += 1;
  };
  return { body: new ResponseBody({ wanted, dropped: () => undefined }), calls };
}

describe('a body that comes byte by byte', () => {
  test('waits in pieces of more than a byte, up to its limit, and is wanted again once it was read', async () => {
    const { body, calls } = made();
    let given = 1;
    while (body.give(Buffer.from('x'))) given += 1;
    await turn();
    const before = calls.wanted;
    const read: number[] = [];
    body.on('data', (piece: Buffer) => read.push(piece.length));
    await turn();
    expect([given, read.reduce((sum, length) => sum + length, 0)]).toEqual([65_536, 65_536]);
    expect([read.length < 1_100, calls.wanted > before]).toEqual([true, true]);
  });

  test('is told to a reader that has found less than it wanted', async () => {
    const { body } = made();
    body.on('readable', () => undefined);
    body.give(Buffer.from('x'));
    await turn();
    const short = body.read(3);
    const more = once(body, 'readable');
    body.give(Buffer.from('y'));
    body.give(Buffer.from('z'));
    await more;
    expect([short, String(body.read(3))]).toEqual([null, 'xyz']);
  });

  test.each<[string, (body: ResponseBody) => Promise<string>]>([
    ['text()', (body) => body.text()],
    ['an iterator', async (body) => Buffer.concat(await body.toArray()).toString()],
    [
      'its events, paused again and again',
      (body) =>
        new Promise((resolve) => {
          let all = '';
          body.on('end', () => resolve(all));
          body.on('data', (piece: Buffer) => {
            all += piece;
            body.pause();
            setImmediate(() => body.resume());
          });
        }),
    ],
  ])('is read by %s to its end, in its order', async (_, readAll) => {
    const size = fc.oneof(
      { weight: 5, arbitrary: fc.nat(20) },
      { weight: 1, arbitrary: fc.integer({ min: 500, max: 70_000 }) },
    );
    const steps = fc.array(fc.oneof(size, fc.constant('turn' as const)), { maxLength: 200 });
    await fc.assert(
      fc.asyncProperty(steps, fc.nat(200), async (given, readFrom) => {
        const { body } = made();
        let [all, read]: [string, Promise<string> | undefined] = ['', undefined];
        for (const [at, step] of given.entries()) {
          if (at === readFrom) read = readAll(body);
          if (step === 'turn') await turn();
          else if (step > 0) {
            const piece = String.fromCharCode(97 + (at % 26)).repeat(step);
            all += piece;
            body.give(Buffer.from(piece));
          }
        }
        body.complete();
        expect(await (read ?? readAll(body))).toBe(all);
      }),
      { numRuns: 50 },
    );
  });
});

test('a body that still comes is read to its end, though another listens for readable', async () => {
  const { body } = made();
  body.on('readable', () => undefined);
  let text: string | undefined;
  void body.text().then((whole) => {
    text = whole;
  });
  body.give(Buffer.from('x'));
  await turn();
  body.give(Buffer.from('y'));
  body.complete();
  await turn();
  await turn();
  expect(text).toBe('xy');
});
