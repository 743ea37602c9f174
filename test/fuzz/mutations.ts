/** Responses that are nearly right: fixtures of the parser's tests, mutated at random. A number identifies each. */

import { FIXTURES } from '../unit/http1/response-fixtures.js';

/** One response, and how it is asked for and sent. */
export interface Case {
  /** Makes the same case again. */
  readonly seed: number;
  readonly method: 'GET' | 'HEAD' | 'POST';
  readonly expectsUpgrade: boolean;
  /** The response in latin1, in the pieces in which it arrives. No piece is longer than the read window. */
  readonly pieces: readonly string[];
  /** What the origin does after the response. */
  readonly ending: 'close' | 'reset' | 'stay';
}

/** A small seeded generator: the same seed always gives the same numbers. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 to just below 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  chance(share: number): boolean {
    return this.next() < share;
  }

  oneOf<T>(values: readonly T[]): T {
    const value = values[this.below(values.length)];
    if (value === undefined) throw new Error('nothing to choose from');
    return value;
  }
}

const TEXTS = Object.values(FIXTURES).map(({ text }) => text);
const LONGEST = 60_000; // the longest response; the window is 65,536

const WORDS = [
  ...['\r\n', '\r\n\r\n', '\r', '\n', '\x00', ' ', '\t', ':', ';', ',', '\x7f', '\xff', '0\r\n\r\n', '\r\n '],
  ...['HTTP/1.1 200 OK\r\n', 'HTTP/1.0 ', 'HTTP/2.0 ', 'HTTP/1.1 100 Continue\r\n\r\n', 'HTTP/1.1 101 X\r\n', 'ICY '],
  ...['Content-Length: 0\r\n', 'Content-Length: 5\r\n', 'Content-Length: 99999999999999999999\r\n', 'Content-Length:'],
  ...['Transfer-Encoding: chunked\r\n', 'Transfer-Encoding: gzip, chunked\r\n', 'Connection: close\r\n'],
  ...[
    'Connection: upgrade\r\n',
    'Upgrade: websocket\r\n',
    'Keep-Alive: timeout=0, max=0\r\n',
    'Keep-Alive: max=-1\r\n',
  ],
  ...[
    'ffffffffffffffff\r\n',
    '-1\r\n',
    '0x5\r\n',
    '00000000000000000000005\r\n',
    '5;a="\r\n',
    '204',
    '304',
    '999',
    '000',
  ],
];

type Mutation = (text: string, random: Random) => string;

function inserted(text: string, at: number, part: string): string {
  return text.slice(0, at) + part + text.slice(at);
}

/** Beginning and end of a random part of `text`, which is rarely long. */
function rangeIn(text: string, random: Random): readonly [number, number] {
  const from = random.below(text.length + 1);
  const length = random.chance(0.8) ? random.below(12) : random.below(text.length + 1);
  return [from, Math.min(text.length, from + length)];
}

const MUTATIONS: readonly Mutation[] = [
  function changeByte(text, random) {
    const at = random.below(text.length);
    return text.slice(0, at) + String.fromCharCode(random.below(256)) + text.slice(at + 1);
  },
  function insertByte(text, random) {
    return inserted(text, random.below(text.length + 1), String.fromCharCode(random.below(256)));
  },
  function insertWord(text, random) {
    return inserted(text, random.below(text.length + 1), random.oneOf(WORDS));
  },
  function remove(text, random) {
    const [from, to] = rangeIn(text, random);
    return text.slice(0, from) + text.slice(to);
  },
  function repeat(text, random) {
    const [from, to] = rangeIn(text, random);
    const times = random.chance(0.05) ? random.below(5_000) : 1 + random.below(4);
    const room = Math.max(1, Math.floor((LONGEST - text.length) / Math.max(1, to - from)));
    return inserted(text, to, text.slice(from, to).repeat(Math.min(times, room)));
  },
  function move(text, random) {
    const [from, to] = rangeIn(text, random);
    const rest = text.slice(0, from) + text.slice(to);
    return inserted(rest, random.below(rest.length + 1), text.slice(from, to));
  },
  function splice(text, random) {
    const other = random.oneOf(TEXTS);
    return text.slice(0, random.below(text.length + 1)) + other.slice(random.below(other.length + 1));
  },
  function changeNumber(text, random) {
    const numbers = [...text.matchAll(/\d+/g)];
    const found = numbers[random.below(numbers.length)];
    if (found === undefined) return text;
    const value = random.oneOf(['0', '1', '-1', '4294967296', '9007199254740993', '18446744073709551616', '7fffffff']);
    return text.slice(0, found.index) + value + text.slice(found.index + found[0].length);
  },
  function endLinesOtherwise(text, random) {
    return text.replaceAll('\r\n', random.oneOf(['\n', '\r', '\r\r\n', '\r\n\n']));
  },
];

export function caseOf(seed: number): Case {
  const random = new Random(seed);
  let text = random.oneOf(TEXTS);
  if (random.chance(0.1)) text += random.oneOf(TEXTS);
  for (let left = random.below(7); left > 0 && text.length > 0; left -= 1) {
    text = random.oneOf(MUTATIONS)(text, random).slice(0, LONGEST);
  }
  return {
    seed,
    method: random.oneOf(['GET', 'GET', 'HEAD', 'POST']),
    expectsUpgrade: random.chance(0.1),
    pieces: cut(text, random),
    ending: random.oneOf(['close', 'close', 'reset', 'stay']),
  };
}

function cut(text: string, random: Random): readonly string[] {
  if (random.chance(0.1) && text.length < 2_000) return text.split('');
  const cuts = Array.from({ length: random.below(5) }, () => random.below(text.length + 1));
  const edges = [0, ...cuts.sort((one, other) => one - other), text.length];
  return edges.slice(1).map((edge, place) => text.slice(edges[place], edge));
}
