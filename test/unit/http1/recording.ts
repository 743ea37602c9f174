/** Feeds a parser and records its calls. */

import type { BackendError } from '../../../src/errors.js';
import { readWindow } from '../../../src/http1/llhttp.js';
import { FIXED_LIMITS, type ParserLimits } from '../../../src/http1/parser-limits.js';
import type { ResponseEvents } from '../../../src/http1/response-events.js';
import type { ResponseHead } from '../../../src/http1/response-head.js';
import { ResponseParser } from '../../../src/http1/response-parser.js';

export const LIMITS: ParserLimits = { ...FIXED_LIMITS, maxHeaderBytes: 16_384 };

/** The parsed form of one response, with the body in one piece, so that it does not depend on how the response was cut. */
export interface Outcome {
  readonly interim: readonly (readonly [number, string, readonly string[]])[];
  readonly head: ResponseHead | undefined;
  readonly body: string;
  readonly trailers: readonly string[] | undefined;
  readonly state: string;
  readonly leftover: string;
  readonly error: string | undefined;
}

export class Recorder implements ResponseEvents {
  readonly interim: [number, string, readonly string[]][] = [];
  readonly order: string[] = [];
  head: ResponseHead | undefined;
  body = '';
  trailers: readonly string[] | undefined;

  onInformation({ statusCode, statusText, rawHeaders }: ResponseHead): void {
    this.order.push('information');
    this.interim.push([statusCode, statusText, rawHeaders]);
  }

  onHead(head: ResponseHead): void {
    this.order.push('head');
    this.head = head;
  }

  onBody(bytes: Buffer): void {
    this.order.push('body');
    this.body += bytes.toString('latin1');
  }

  onEnd(trailers: readonly string[]): void {
    this.order.push('end');
    this.trailers = trailers;
  }
}

export interface Reading {
  readonly method?: string;
  readonly expectsUpgrade?: boolean;
  readonly limits?: Partial<ParserLimits>;
  /** Whether to feed through the read window instead of `read()`. */
  readonly window?: boolean;
  /** Whether the origin closes at the end. */
  readonly closes?: boolean;
}

/** Feeds `pieces` (latin1) to a new parser, up to the first error. */
export function parse(pieces: readonly string[], reading: Reading = {}): Outcome {
  const recorder = new Recorder();
  const parser = new ResponseParser(recorder, { ...LIMITS, ...reading.limits });
  parser.begin(reading.method ?? 'GET', reading.expectsUpgrade);
  let error: BackendError | undefined;
  for (const piece of pieces) {
    error = feed(parser, piece, reading.window === true);
    if (error !== undefined) break;
  }
  if (reading.closes === true) error ??= parser.finish();
  const { state, leftover } = parser;
  parser.free();
  const { interim, head, body, trailers } = recorder;
  return { interim, head, body, trailers, state, leftover: leftover?.toString('latin1') ?? '', error: error?.code };
}

export function feed(parser: ResponseParser, piece: string, window: boolean): BackendError | undefined {
  if (!window) return parser.read(Buffer.from(piece, 'latin1'));
  return parser.readWindow(readWindow().write(piece, 'latin1'));
}

export const lines = (...texts: readonly string[]): string => texts.join('\r\n');
