/** A response of a scripted origin, as a plain value. */

import { allOf, checkNames } from './known-names.js';

/** Bytes to send; a string is encoded as latin1. */
export type Bytes = string | Uint8Array;

/** Response fields, sent in this order and case. An array sends the field once for each value. */
export type AnswerFields = Readonly<Record<string, string | readonly string[]>>;

/** A response. It is sent as written; only framing fields are added. */
export interface Answer {
  /** Status code. @default 200 */
  readonly status?: number | undefined;
  /** Reason phrase. @default the usual one for common statuses, else empty */
  readonly reason?: string | undefined;
  /** HTTP version. @default '1.1' */
  readonly version?: '1.0' | '1.1' | undefined;
  /** Fields in addition to framing. @default none */
  readonly fields?: AnswerFields | undefined;
  /** Sends `Keep-Alive: timeout=…, max=…`. @default none */
  readonly keepAlive?:
    | {
        /** Seconds. @default none */
        readonly timeout?: number | undefined;
        /** Number of further requests. @default none */
        readonly max?: number | undefined;
      }
    | undefined;
  /**
   * The body. With `framing: 'chunked'` each element of an array is one chunk. Not sent in a response to HEAD.
   *
   * @default empty
   */
  readonly body?: Bytes | readonly Bytes[] | undefined;
  /**
   * `'length'` sends Content-Length, `'chunked'` Transfer-Encoding; `'until-close'` and `'none'` send no framing field.
   * Let `close()` follow `'until-close'`.
   *
   * @default `'none'` for 1xx, 204 and 304, else `'length'`
   */
  readonly framing?: 'length' | 'chunked' | 'until-close' | 'none' | undefined;
  /** Trailer fields of a chunked body. @default none */
  readonly trailers?: AnswerFields | undefined;
  /** Raw bytes sent in the same write as the end of the response. @default none */
  readonly append?: Bytes | undefined;
  /** Sends only this many bytes in total, including the head, and continues with the next step. @default all */
  readonly cutAt?: number | undefined;
  /** Sends only this many bytes after the head. @default all */
  readonly cutBodyAt?: number | undefined;
  /** Sends pieces of this many bytes, each in its own write and turn of the event loop. @default one write */
  readonly pieceBytes?: number | undefined;
}

const ANSWER = allOf<keyof Answer>({
  ...{ status: 0, reason: 0, version: 0, fields: 0, keepAlive: 0, body: 0, framing: 0, trailers: 0 },
  ...{ append: 0, cutAt: 0, cutBodyAt: 0, pieceBytes: 0 },
});
const FRAMINGS = allOf<NonNullable<Answer['framing']>>({ length: 0, chunked: 0, 'until-close': 0, none: 0 });

/** @throws TypeError that names what is unknown or cannot be sent */
export function checkAnswer(parts: Answer): void {
  checkNames('answer()', parts, ANSWER);
  const {
    status = 200,
    reason = '',
    fields = {},
    keepAlive = {},
    body = [],
    framing,
    trailers = {},
    append = '',
  } = parts;
  checkStatus('answer()', status);
  checkText('reason of answer()', reason);
  checkFields('fields of answer()', fields);
  checkNames('keepAlive of answer()', keepAlive, ['timeout', 'max']);
  for (const piece of [body].flat()) checkBytes('the body of answer()', piece);
  if (framing !== undefined && !FRAMINGS.includes(framing))
    throw new TypeError(`framing of answer() must be one of ${FRAMINGS.join(', ')}, got ${JSON.stringify(framing)}`);
  checkFields('trailers of answer()', trailers);
  checkBytes('append of answer()', append);
}

/** @throws TypeError for a status that would not be digits on the wire */
export function checkStatus(where: string, status: number): void {
  if (!Number.isInteger(status)) throw new TypeError(`status of ${where} must be an integer, got ${String(status)}`);
}

/** @throws TypeError that names the field whose value cannot be sent */
export function checkFields(where: string, fields: AnswerFields): void {
  for (const [name, value] of Object.entries(fields)) {
    for (const one of [value].flat()) checkText(`${name} in ${where}`, one);
  }
}

/** @throws TypeError for a value that is neither bytes nor a latin1 string */
export function checkBytes(where: string, bytes: Bytes): void {
  if (typeof bytes === 'string' ? isLatin1(bytes) : bytes instanceof Uint8Array) return;
  throw new TypeError(`${where} must be latin1 text or bytes, such as Buffer.from(text), got ${JSON.stringify(bytes)}`);
}

function checkText(where: string, text: string): void {
  if (typeof text !== 'string' || !isLatin1(text))
    throw new TypeError(`${where} must be latin1 text, got ${JSON.stringify(text)}`);
}

function isLatin1(text: string): boolean {
  return /^[\0-\xff]*$/.test(text);
}
