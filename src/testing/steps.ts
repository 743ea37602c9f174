/** What a scripted origin does, as plain values: written in a test, and possibly played in another thread. */

import { checkAnswer, checkBytes, checkCount, checkFields, checkStatus, checkSteps } from './plan-checks.js';

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

/** One action of a scripted origin on a connection. Create steps with the functions of this module. */
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

/** Step: processes the request. Counted by `id`, by default the `x-request-id` of the request, or its path. */
export const execute = (id?: string): Step => ({ do: 'execute', id });

/** Step: sends a response. */
export const answer = (parts: Answer = {}): Step => {
  checkAnswer(parts);
  return { do: 'answer', answer: parts };
};

/** Step: sends a response with one write per byte. */
export const byteByByte = (parts: Answer = {}): Step => answer({ ...parts, pieceBytes: 1 });

/** Step: sends an interim response (1xx). */
export const inform = (status: number, fields: AnswerFields = {}): Step => {
  checkStatus('inform()', status);
  checkFields('fields of inform()', fields);
  return { do: 'inform', status, fields };
};

/** Step: sends raw bytes, such as garbage, unsolicited responses, or parts of a head. */
export const send = (bytes: Bytes): Step => {
  checkBytes('send()', bytes);
  return { do: 'send', bytes };
};

/** Step: continues after `ms` milliseconds. */
export const wait = (ms: number): Step => {
  checkCount('ms of wait()', ms);
  return { do: 'wait', ms };
};

/** Step: continues once `origin.release(gate)` has been called; immediately if it already was. */
export const hold = (gate = 'held'): Step => ({ do: 'hold', gate });

/** Step: does nothing more on this connection. It stays open, and received bytes are still recorded. */
export const stall = (): Step => ({ do: 'stall' });

/**
 * Step: closes the connection like a server: sent data arrives, then a FIN; bytes received later are answered with a
 * reset.
 */
export const close = (): Step => ({ do: 'close' });

/** Step: sends a FIN and continues to read. */
export const halfClose = (): Step => ({ do: 'half-close' });

/**
 * Step: closes the connection with a RST. Sent data that was not read may be lost. A Node client that reads data and
 * the RST in one turn sees a normal end instead of ECONNRESET.
 */
export const reset = (): Step => ({ do: 'reset' });

/** Step: stops reading, so that the window of the sender fills up. */
export const stopReading = (): Step => ({ do: 'stop-reading' });

/** Step: reads again after {@link stopReading}. */
export const readOn = (): Step => ({ do: 'read-on' });

/**
 * Step: from now on executes `steps` when the connection has had no request for `ms` milliseconds. Replaces the
 * previous `whenIdle()`.
 */
export const whenIdle = (ms: number, steps: readonly Step[]): Step => {
  checkCount('ms of whenIdle()', ms);
  checkSteps('whenIdle()', steps);
  return { do: 'when-idle', ms, steps };
};

/** Step: executes `steps` as soon as this many bytes have been received on the connection, before all other steps. */
export const afterBytesIn = (bytes: number, steps: readonly Step[]): Step => {
  checkCount('bytes of afterBytesIn()', bytes);
  checkSteps('afterBytesIn()', steps);
  return { do: 'after-bytes-in', bytes, steps };
};

/** Steps for the requests that match `when`. All members of `when` must match. */
export interface Rule {
  /** Which requests. @default all */
  readonly when?:
    | {
        /** Method as received, for example `GET`. @default any */
        readonly method?: string | undefined;
        /** The whole request target. @default any */
        readonly path?: string | undefined;
        /** Number of the connection, from 0, in order of acceptance. @default any */
        readonly connection?: number | undefined;
        /** Number of the request on its connection, from 0. @default any */
        readonly requestOnConnection?: number | undefined;
        /** Every nth request of a connection: 3 matches the third, sixth, and so on. @default any */
        readonly everyOnConnection?: number | undefined;
        /** Number of the request among all requests, from 0, in order of their heads. @default any */
        readonly request?: number | undefined;
      }
    | undefined;
  /** When the steps are executed. @default 'request' */
  readonly at?: Moment | undefined;
  /** Steps, executed one after the other. */
  readonly steps: readonly Step[];
}

/**
 * When steps are executed: after a connection was accepted, a request head was received, or a whole request was
 * received.
 */
export type Moment = 'connection' | 'head' | 'request';

/** A request as received by a scripted origin. */
export interface OriginRequest {
  /** Number among all requests, from 0. */
  readonly index: number;
  /** Number of its connection, from 0. */
  readonly connection: number;
  /** Number on its connection, from 0. */
  readonly onConnection: number;
  /** Its `x-request-id`, or its path. */
  readonly id: string;
  /** Method as received, for example `GET`. */
  readonly method: string;
  /** The whole request target. */
  readonly path: string;
  /** HTTP version, for example `1.1`. */
  readonly version: string;
  /** Fields as received: name, value, name, value… */
  readonly rawHeaders: readonly string[];
  /** Fields by lower-case name; repeated ones joined with `, `. */
  readonly headers: Readonly<Record<string, string>>;
  /** The part of the body received so far; all of it once `complete`. */
  readonly body: Uint8Array;
  /** Trailer fields as received: name, value, name, value… */
  readonly rawTrailers: readonly string[];
  /** Whether the whole request was received. */
  readonly complete: boolean;
}

/** Argument of a {@link Script}. */
export interface Scene {
  /** The request. */
  readonly request: OriginRequest;
  /** Number of the connection, from 0. */
  readonly connection: number;
  /** Number of the request on its connection, from 0. */
  readonly requestOnConnection: number;
}

/** Chooses the steps for a request. `undefined` leaves it to the rules, or else to `execute(), answer()`. */
export type Script = (scene: Scene) => readonly Step[] | undefined;
