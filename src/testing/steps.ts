/** What a scripted origin does, as plain values: they are written in a test and may be played in another thread. */

import { checkAnswer, checkBytes, checkSteps } from './plan-checks.js';

/** Bytes on the wire; a string is latin1. */
export type Bytes = string | Uint8Array;

/** Fields in the order and case in which they are written; an array writes the field once for each value. */
export type AnswerFields = Readonly<Record<string, string | readonly string[]>>;

/** A response, as it is written: nothing is added but the framing. */
export interface Answer {
  /** Default 200. */
  readonly status?: number | undefined;
  /** Reason phrase. Default: a short one for the common statuses, else empty. */
  readonly reason?: string | undefined;
  /** Of HTTP. Default `'1.1'`. */
  readonly version?: '1.0' | '1.1' | undefined;
  /** Fields beside those of the framing. Default: none. */
  readonly fields?: AnswerFields | undefined;
  /** Writes `Keep-Alive: timeout=…, max=…`, in seconds and requests. */
  readonly keepAlive?:
    | {
        /** Seconds. */
        readonly timeout?: number | undefined;
        /** Requests that may follow. */
        readonly max?: number | undefined;
      }
    | undefined;
  /** An array is sent as one chunk for each element when `framing` is `'chunked'`. Left out in an answer to HEAD. */
  readonly body?: Bytes | readonly Bytes[] | undefined;
  /**
   * `'length'` writes Content-Length, `'chunked'` Transfer-Encoding, `'until-close'` and `'none'` no framing field
   * (after `'until-close'` comes a `close()`). Default: `'none'` for 1xx, 204 and 304, else `'length'`.
   */
  readonly framing?: 'length' | 'chunked' | 'until-close' | 'none' | undefined;
  /** Trailer fields of a chunked body. */
  readonly trailers?: AnswerFields | undefined;
  /** Raw bytes that leave in the same write as the end of the answer. */
  readonly append?: Bytes | undefined;
  /** Sends only so many bytes of all that (head included), and then goes on with the next step. */
  readonly cutAt?: number | undefined;
  /** Sends only so many bytes after the head. */
  readonly cutBodyAt?: number | undefined;
  /** Sends pieces of so many bytes, each in a write and a turn of the event loop of its own. */
  readonly pieceBytes?: number | undefined;
}

/** One thing that the origin does on a connection. */
export type Step =
  | { readonly do: 'execute'; readonly id: string | undefined }
  | { readonly do: 'answer'; readonly answer: Answer }
  | { readonly do: 'inform'; readonly status: number; readonly fields: AnswerFields }
  | { readonly do: 'send'; readonly bytes: Bytes }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'hold'; readonly gate: string }
  | { readonly do: 'stall' }
  | { readonly do: 'close' }
  | { readonly do: 'half-close' }
  | { readonly do: 'reset' }
  | { readonly do: 'stop-reading' }
  | { readonly do: 'read-on' }
  | { readonly do: 'when-idle'; readonly ms: number; readonly steps: readonly Step[] }
  | { readonly do: 'after-bytes-in'; readonly bytes: number; readonly steps: readonly Step[] };

/** The origin processes the request now. Counted under `id`, by default the request's `x-request-id`, else its path. */
export const execute = (id?: string): Step => ({ do: 'execute', id });

/** Sends a response. */
export const answer = (parts: Answer = {}): Step => {
  checkAnswer(parts);
  return { do: 'answer', answer: parts };
};

/** The same answer, one byte a write. */
export const byteByByte = (parts: Answer = {}): Step => answer({ ...parts, pieceBytes: 1 });

/** Sends an interim response (1xx). */
export const inform = (status: number, fields: AnswerFields = {}): Step => ({ do: 'inform', status, fields });

/** Sends bytes as they are: garbage, stray responses, pieces of a head. */
export const send = (bytes: Bytes): Step => {
  checkBytes('send()', bytes);
  return { do: 'send', bytes };
};

/** Goes on `ms` milliseconds later. */
export const wait = (ms: number): Step => ({ do: 'wait', ms });

/** Goes on once `origin.release(gate)` was called; at once when that was before. */
export const hold = (gate = 'held'): Step => ({ do: 'hold', gate });

/** Nothing more on this connection, for ever. It stays open, and what arrives is recorded. */
export const stall = (): Step => ({ do: 'stall' });

/** Closes the connection as a server does: what was sent arrives, then a FIN; what comes later meets a reset. */
export const close = (): Step => ({ do: 'close' });

/** Sends the FIN and goes on reading. */
export const halfClose = (): Step => ({ do: 'half-close' });

/**
 * Ends the connection with a RST. What was sent and not read may be lost; a client in Node that reads bytes and the RST
 * in one turn sees an end instead of ECONNRESET.
 */
export const reset = (): Step => ({ do: 'reset' });

/** Takes no more bytes from the kernel, so that the sender's window fills up. */
export const stopReading = (): Step => ({ do: 'stop-reading' });

/** Undoes {@link stopReading}. */
export const readOn = (): Step => ({ do: 'read-on' });

/** From now on: when the connection has had no request for `ms` milliseconds, these steps. Replaces the last one. */
export const whenIdle = (ms: number, steps: readonly Step[]): Step => {
  checkSteps('whenIdle()', steps);
  return { do: 'when-idle', ms, steps };
};

/** When so many bytes have arrived on the connection, however far its request is, these steps, before all others. */
export const afterBytesIn = (bytes: number, steps: readonly Step[]): Step => {
  checkSteps('afterBytesIn()', steps);
  return { do: 'after-bytes-in', bytes, steps };
};

/** A rule of a script: which requests, at which moment, what. Every member of `when` that is given must fit. */
export interface Rule {
  /** Default: every request. */
  readonly when?:
    | {
        /** As it is sent: `GET`. */
        readonly method?: string | undefined;
        /** The whole request target. */
        readonly path?: string | undefined;
        /** Number of the connection, from 0 in order of acceptance. */
        readonly connection?: number | undefined;
        /** Number of the request on its connection, from 0. */
        readonly requestOnConnection?: number | undefined;
        /** Every nth request of a connection, counted from 1: 3 is the third, the sixth… */
        readonly everyOnConnection?: number | undefined;
        /** Number of the request among all, from 0 in order of their heads. */
        readonly request?: number | undefined;
      }
    | undefined;
  /** Default `'request'`: when the whole request was read. */
  readonly at?: Moment | undefined;
  /** What the origin does, one after the other. */
  readonly steps: readonly Step[];
}

/** When a script is asked: a connection was accepted, a request head was read, a request was read whole. */
export type Moment = 'connection' | 'head' | 'request';

/** A request as the origin read it. */
export interface OriginRequest {
  /** Number among all requests, from 0. */
  readonly index: number;
  /** Number of its connection, from 0. */
  readonly connection: number;
  /** Number on its connection, from 0. */
  readonly onConnection: number;
  /** Its `x-request-id`, else its path. */
  readonly id: string;
  /** As received: `GET`. */
  readonly method: string;
  /** The whole request target. */
  readonly path: string;
  /** Of HTTP: `1.1`. */
  readonly version: string;
  /** Name, value, name, value… as received. */
  readonly rawHeaders: readonly string[];
  /** By lower-case name, repeated ones joined by `, `. */
  readonly headers: Readonly<Record<string, string>>;
  /** What was read of the body so far; whole once `complete`. */
  readonly body: Uint8Array;
  /** Trailer fields as name, value, name, value… as received. */
  readonly rawTrailers: readonly string[];
  /** It was read whole. */
  readonly complete: boolean;
}

/** What a script function is told. */
export interface Scene {
  /** As far as it was read. */
  readonly request: OriginRequest;
  /** Number of the connection, from 0. */
  readonly connection: number;
  /** Number of the request on its connection, from 0. */
  readonly requestOnConnection: number;
}

/** Chooses the steps for a request; `undefined` leaves it to the rules, and without one to `execute(), answer()`. */
export type Script = (scene: Scene) => readonly Step[] | undefined;
