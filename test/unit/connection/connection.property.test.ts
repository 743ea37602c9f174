import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Listener, Rig, turn } from './rig.js';

const BODY = 'The quick brown fox jumps over the lazy dog.';

interface Answer {
  readonly text: string;
  readonly method: string;
  /** The origin ends it with a FIN. */
  readonly closes: boolean;
  readonly body: string;
}

const head = (...lines: string[]): string => ['HTTP/1.1 200 OK', ...lines, '', ''].join('\r\n');

function chunked(body: string, sizes: readonly number[]): string {
  let text = '';
  let from = 0;
  for (const size of sizes) {
    const piece = body.slice(from, from + size);
    from += size;
    if (piece !== '') text += `${piece.length.toString(16)}\r\n${piece}\r\n`;
  }
  const rest = body.slice(from);
  if (rest !== '') text += `${rest.length.toString(16)}\r\n${rest}\r\n`;
  return `${text}0\r\nA: b\r\n\r\n`;
}

const interim = fc.constantFrom('', 'HTTP/1.1 100 Continue\r\n\r\n', 'HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n');

const answers: fc.Arbitrary<Answer> = fc
  .tuple(
    interim,
    fc.oneof(
      fc.constant({ text: head(`Content-Length: ${BODY.length}`) + BODY, method: 'GET', closes: false, body: BODY }),
      fc.constant({ text: head('Content-Length: 0'), method: 'POST', closes: false, body: '' }),
      fc.constant({ text: head(`Content-Length: ${BODY.length}`), method: 'HEAD', closes: false, body: '' }),
      fc.constant({ text: head() + BODY, method: 'GET', closes: true, body: BODY }),
      fc.array(fc.integer({ min: 1, max: 20 }), { maxLength: 4 }).map((sizes) => ({
        text: head('Transfer-Encoding: chunked') + chunked(BODY, sizes),
        method: 'GET',
        closes: false,
        body: BODY,
      })),
    ),
  )
  .map(([before, answer]) => ({ ...answer, text: before + answer.text }));

const FAULTS = {
  none: () => undefined,
  fin: (rig: Rig) => rig.far.end(),
  rst: (rig: Rig) => rig.far.resetAndDestroy(),
  stray: (rig: Rig) => rig.answer('HTTP/1.1 200 OK\r\n\r\n'),
  nonsense: (rig: Rig) => rig.answer('\0\0\0\0'),
  stall: (rig: Rig) => rig.clock.advance(10_000),
  turns: (rig: Rig) => rig.clock.advance(0),
  destroy: (rig: Rig) => rig.near.destroy(),
  close: (rig: Rig) => rig.connection.close('destroyed'),
  pause: () => undefined,
  abandon: () => undefined,
} satisfies Record<string, (rig: Rig) => void>;

type Fault = keyof typeof FAULTS;

const faults = fc.constantFrom(...(Object.keys(FAULTS) as Fault[]));

test('however a response is cut and whatever goes wrong, the listener gets a whole or a prefix and one end', async () => {
  await fc.assert(
    fc.asyncProperty(
      answers,
      fc.array(fc.nat(200), { maxLength: 6 }),
      fc.array(fc.tuple(fc.nat(6), faults), { maxLength: 2 }),
      fc.boolean(),
      async (answer, cuts, wrongs, secure) => {
        const rig = new Rig({ secure });
        const listener = new Listener();
        const { exchange } = rig.send({ method: answer.method, listener });
        const places = [0, ...cuts.map((cut) => cut % answer.text.length), answer.text.length].sort((a, b) => a - b);
        const happened = new Set<Fault>();
        for (const [step, place] of places.entries()) {
          for (const [at, fault] of wrongs) {
            if (at !== step) continue;
            happened.add(fault);
            if (fault === 'pause') listener.takes = false;
            if (fault === 'abandon') exchange.abandon();
            FAULTS[fault](rig);
            await turn();
          }
          if (!rig.far.writableEnded && !rig.far.destroyed) rig.answer(answer.text.slice(places[step - 1] ?? 0, place));
        }
        listener.takes = true;
        if (listener.told.length > 0) exchange.resume();
        if (answer.closes && !rig.far.destroyed) rig.far.end();
        await turn();
        rig.clock.advance(10_000);
        await turn();
        check(rig, listener, answer, happened);
      },
    ),
    { numRuns: 2_000 },
  );
});

function check(rig: Rig, listener: Listener, answer: Answer, happened: ReadonlySet<Fault>): void {
  const ends = listener.told.filter((event) => /^(ended|failed)/.test(event));
  const quiet = happened.has('close') || happened.has('abandon'); // told by whoever does it
  expect(ends.length).toBeLessThanOrEqual(1);
  if (!quiet) expect(ends.length).toBe(1);
  if (ends.length === 1) expect(listener.told.at(-1)).toBe(ends[0]);
  expect(listener.told.filter((event) => event.startsWith('head')).length).toBeLessThanOrEqual(1);
  if (ends[0]?.startsWith('ended') === true && !happened.has('stray') && !happened.has('nonsense')) {
    if (!answer.closes) expect(listener.body).toBe(answer.body);
  }
  if (!happened.has('stray') && !happened.has('nonsense')) expect(answer.body).toContain(listener.body);
  if (happened.size === 0) expect([ends[0]?.startsWith('ended'), listener.body]).toEqual([true, answer.body]);

  const verdicts = rig.owner.told.filter((event) => !event.startsWith('head'));
  const closed = verdicts.filter((event) => event.startsWith('closed'));
  expect(closed.length).toBeLessThanOrEqual(1);
  expect(rig.connection.closed).toBe(closed.length === 1);
  // Handed back at most once, and then only closed later, as an idle one.
  const [first, ...later] = verdicts;
  expect(first).toBeDefined();
  expect(later.length).toBeLessThanOrEqual(first === 'reusable' ? 1 : 0);
  if (first === 'reusable') expect(later.every((event) => /poisoned|stale|destroyed/.test(event))).toBe(true);
  expect(rig.near.destroyed).toBe(rig.connection.closed);
  expect(rig.deadlines.size).toBe(0);
}
