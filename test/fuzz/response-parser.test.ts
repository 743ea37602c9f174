import { expect, test } from 'vitest';
import { readWindow } from '../../src/http1/llhttp.js';
import { ResponseParser } from '../../src/http1/response-parser.js';
import { feed, LIMITS, type Outcome, parse, Recorder } from '../unit/http1/recording.js';
import { type Case, caseOf } from './mutations.js';
import { guard, memoryInUse, SECONDS, seeds, tried } from './session.js';

const WARM_CASES = 2_000;
const MOST_GROWTH_BYTES = 32 * 2 ** 20;
const LEGAL_ORDER = /^(information )*(head (body )*(end )?)?$/;

/** A parser that has read all cases before this one: nothing of them may be left. */
class UsedParser {
  #recorder = new Recorder();
  readonly #parser = new ResponseParser(
    {
      onInformation: (head) => this.#recorder.onInformation(head),
      onHead: (head) => this.#recorder.onHead(head),
      onBody: (bytes) => this.#recorder.onBody(bytes),
      onEnd: (trailers) => this.#recorder.onEnd(trailers),
    },
    LIMITS,
  );

  parse({ pieces, method, expectsUpgrade, ending }: Case): Outcome {
    this.#recorder = new Recorder();
    const parser = this.#parser;
    parser.begin(method, expectsUpgrade);
    let error = pieces.reduce<ReturnType<typeof feed>>((found, piece) => found ?? feed(parser, piece, true), undefined);
    if (ending === 'close') error ??= parser.finish();
    const { interim, head, body, trailers, order } = this.#recorder;
    expect(`${order.join(' ')} `.trimStart()).toMatch(LEGAL_ORDER);
    expect(error?.code ?? 'http_').toMatch(/^http_/);
    const leftover = parser.leftover?.toString('latin1') ?? '';
    return { interim, head, body, trailers, state: parser.state, leftover, error: error?.code };
  }

  free(): void {
    this.#parser.free();
  }
}

function check(one: Case, used: UsedParser): void {
  const { pieces, method, expectsUpgrade, ending } = one;
  const text = pieces.join('');
  const outcome = parse([text], { method, expectsUpgrade, closes: ending === 'close' });
  expect(used.parse(one)).toEqual(outcome);
  const { head, body, state, interim } = outcome;
  expect(body.length).toBeLessThanOrEqual(text.length);
  expect(interim.length).toBeLessThanOrEqual(100);
  if (head?.framing.kind === 'none') expect(body).toBe('');
  if (head?.framing.kind !== 'length') return;
  if (state === 'complete') expect(body.length).toBe(head.framing.bytes);
  else expect(body.length).toBeLessThan(head.framing.bytes);
}

test(
  'whatever a server sends, and however it is cut, the parser answers the same, throws nothing and keeps nothing',
  () => {
    const escaped = guard();
    const window = readWindow();
    const used = new UsedParser();
    let cases = 0;
    let before = 0;
    for (const seed of seeds()) {
      tried(seed, () => check(caseOf(seed), used));
      cases += 1;
      if (cases === WARM_CASES) before = memoryInUse();
      if (escaped.length > 0) break;
    }
    used.free();
    const grownBytes = before === 0 ? 0 : memoryInUse() - before;
    expect(escaped).toEqual([]);
    expect(grownBytes).toBeLessThan(MOST_GROWTH_BYTES);
    expect([readWindow() === window, window.length]).toEqual([true, 65_536]);
    console.log(`${cases} mutated responses were parsed`);
  },
  SECONDS * 1000 + 60_000,
);
