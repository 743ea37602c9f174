import { describe, expect, onTestFinished, test } from 'vitest';
import { BodyReads, type Taken } from '../../../src/connection/body-reads.js';
import type { Intake } from '../../../src/connection/dial.js';
import { readWindow } from '../../../src/http1/llhttp.js';
import { ResponseParser } from '../../../src/http1/response-parser.js';
import { LIMITS } from './rig.js';

const PIECE = 65_536;

/** A socket that reads where it is told to, and a receiver that answers what it is told to. */
class Reading {
  readonly told: Buffer[] = [];
  /** Where the next read goes; `undefined` = the window. */
  memory: Uint8Array | undefined = undefined;
  taken: Taken = true;
  ended = false;
  #left = 0;
  readonly #parser: ResponseParser;
  readonly #reads: BodyReads;

  constructor(head: string, length: number) {
    const intake: Intake = {
      receive: () => true,
      readInto: (memory) => {
        this.memory = memory;
      },
    };
    const events = {
      onInformation: () => undefined,
      onHead: () => undefined,
      onBody: (bytes: Buffer) => void this.told.push(bytes),
      onEnd: () => {
        this.ended = true;
      },
    };
    this.#parser = new ResponseParser(events, LIMITS);
    onTestFinished(() => this.#parser.free());
    this.#reads = new BodyReads(intake, this.#parser);
    this.#left = length;
    this.#parser.begin('GET');
    this.#reads.feed(readWindow().write(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n`, 'latin1'));
    this.#reads.next(true, this.#left);
  }

  /** The origin sends `count` bytes of this letter. */
  read(count: number, letter = 'x'): void {
    const memory = this.memory ?? readWindow();
    memory.fill(letter.charCodeAt(0), 0, count);
    this.#left -= count;
    expect(this.#reads.feed(count)).toBeUndefined();
    if (!this.ended) this.#reads.next(this.taken, this.#left);
  }

  get text(): string {
    return this.told.map((bytes) => `${bytes.toString('latin1', 0, 1)}${bytes.length}`).join(' ');
  }
}

const longBody = () => new Reading(`Content-Length: ${10 * PIECE}`, 10 * PIECE);

describe('the middle of a long body', () => {
  test('is read into memory of its own, and told without a copy', () => {
    const reading = longBody();
    const { memory } = reading;
    reading.read(PIECE);
    expect(memory).toBeInstanceOf(Uint8Array);
    expect(reading.told[0]?.buffer).toBe(memory?.buffer);
  });

  test('uses the memory again that the receiver has written', () => {
    const reading = longBody();
    reading.taken = 'written';
    const { memory } = reading;
    reading.read(PIECE);
    expect(reading.memory).toBe(memory);
  });

  test.each([true, false])('leaves to the receiver what it keeps (%s)', (taken) => {
    const reading = longBody();
    reading.taken = taken;
    reading.read(PIECE, 'a');
    reading.read(PIECE, 'b');
    reading.read(PIECE, 'c');
    expect(reading.text).toBe(`a${PIECE} b${PIECE} c${PIECE}`);
  });

  test('is copied where a read brings little: kept for a slow client it would hold the whole memory', () => {
    const reading = longBody();
    const { memory } = reading;
    reading.read(100, 'a');
    reading.read(PIECE / 2 - 1, 'b');
    expect(reading.text).toBe(`a100 b${PIECE / 2 - 1}`);
    expect(reading.told.some(({ buffer }) => buffer === memory?.buffer)).toBe(false);
    expect(reading.memory).toBe(memory);
  });
});

describe('the window is read to', () => {
  test('at the end of a long body, whose connection goes on to others', () => {
    const reading = new Reading(`Content-Length: ${PIECE + 2}`, PIECE + 2);
    reading.read(1, 'a');
    reading.read(1, 'b');
    expect(reading.memory).toBeUndefined();
    reading.read(PIECE, 'c');
    expect([reading.text, reading.ended]).toEqual([`a1 b1 c${PIECE}`, true]);
  });

  test.each([
    ['a short body', 'Content-Length: 65536', PIECE],
    ['a chunked one', 'Transfer-Encoding: chunked', Number.POSITIVE_INFINITY],
    ['one that lasts until the close', 'X: y', Number.POSITIVE_INFINITY],
  ])('for %s', (_name, head, left) => {
    expect(new Reading(head, left).memory).toBeUndefined();
  });
});
