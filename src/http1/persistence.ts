/** Whether a connection may carry another request: a pure function of how the last exchange ended. */

import { joinedValue, listHasToken, type RawFields } from './fields.js';

/** How an exchange with a complete response has ended. */
export interface ExchangeEnd {
  /** The kernel has every byte of the request. */
  readonly requestWritten: boolean;
  /** The origin keeps the connection (its half of RFC 9112 §9.3), framing included: `ResponseHead.persistent`. */
  readonly persistent: boolean;
  /** Number of bytes that came after the end of the response. */
  readonly leftoverBytes: number;
}

export type ReuseVerdict =
  | { readonly reuse: true }
  | { readonly reuse: false; readonly reason: 'leftover' | 'unfinished-request' | 'server-close' };

const REUSE: ReuseVerdict = { reuse: true };
const LEFTOVER: ReuseVerdict = { reuse: false, reason: 'leftover' };
const UNFINISHED_REQUEST: ReuseVerdict = { reuse: false, reason: 'unfinished-request' };
const SERVER_CLOSE: ReuseVerdict = { reuse: false, reason: 'server-close' };

/** Judges reuse. If there are several reasons against it, the one that says most about the origin is given. */
export function judgeReuse({ requestWritten, persistent, leftoverBytes }: ExchangeEnd): ReuseVerdict {
  // Unsolicited bytes would be taken for the response to the next request.
  if (leftoverBytes > 0) return LEFTOVER;
  // The origin has answered early. It would read the rest of this request as the start of the next one.
  if (!requestWritten) return UNFINISHED_REQUEST;
  return persistent ? REUSE : SERVER_CLOSE;
}

/** What an origin says about how long it keeps a connection. */
export interface KeepAliveHint {
  /** It closes a connection that was idle for this long. In milliseconds. */
  readonly timeoutMs?: number;
  /** It answers this many more requests on the connection. */
  readonly max?: number;
}

/** Whether an origin has said that it keeps the connection: `Connection: keep-alive`, or a Keep-Alive field. */
export function saysKeepAlive(rawHeaders: RawFields): boolean {
  if (joinedValue(rawHeaders, 'keep-alive') !== undefined) return true;
  const connection = joinedValue(rawHeaders, 'connection');
  return connection !== undefined && listHasToken(connection, 'keep-alive');
}

const NO_HINT: KeepAliveHint = Object.freeze({});

// More than 9 digits are not taken seriously: 9 are about 31 years, or practically endless requests.
const PARAMETER =
  /(?:^|[,;])[ \t]*(?:timeout[ \t]*=[ \t]*"?([0-9]{1,9})|max[ \t]*=[ \t]*"?([0-9]{1,9}))"?[ \t]*(?=$|[,;])/gi;

/**
 * Reads `Keep-Alive: timeout=5, max=100`, a field that no RFC in force defines (RFC 2068 §19.7.1 did). Of several values the smallest
 * counts. What cannot be read is not a hint.
 */
export function keepAliveHint(rawHeaders: RawFields): KeepAliveHint {
  const text = joinedValue(rawHeaders, 'keep-alive');
  return text === undefined ? NO_HINT : hintOf(text);
}

// An origin sends the same text each time, or counts down. So the last result is kept, which saves 0.4 µs of matching (bench/micro).
let lastText: string | undefined;
let lastHint = NO_HINT;

function hintOf(text: string): KeepAliveHint {
  if (text === lastText) return lastHint;
  lastText = text;
  lastHint = readHint(text);
  return lastHint;
}

function readHint(text: string): KeepAliveHint {
  const hint: { timeoutMs?: number; max?: number } = {};
  for (const [, seconds, max] of text.matchAll(PARAMETER)) {
    if (seconds !== undefined) hint.timeoutMs = smaller(hint.timeoutMs, Number(seconds) * 1_000);
    if (max !== undefined) hint.max = smaller(hint.max, Number(max));
  }
  return hint;
}

function smaller(before: number | undefined, value: number): number {
  return before === undefined ? value : Math.min(before, value);
}
