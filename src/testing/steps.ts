/** What a scripted origin does, as plain values: written in a test, and possibly played in another thread. */

import {
  type Answer,
  type AnswerFields,
  type Bytes,
  checkAnswer,
  checkBytes,
  checkFields,
  checkStatus,
} from './answer.js';
import { allOf } from './known-names.js';

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

const STEPS = allOf<Step['do']>({
  ...{ execute: 0, answer: 0, inform: 0, send: 0, wait: 0, hold: 0, stall: 0, close: 0, 'half-close': 0, reset: 0 },
  ...{ 'stop-reading': 0, 'read-on': 0, 'when-idle': 0, 'after-bytes-in': 0 },
});

/** @throws TypeError if it is not a list, or has an element that is not a step */
export function checkSteps(where: string, steps: readonly Step[]): void {
  if (!Array.isArray(steps)) throw new TypeError(`${where} must be a list of steps, got ${JSON.stringify(steps)}`);
  for (const step of steps) {
    if (!STEPS.includes(step?.do))
      throw new TypeError(`${where} must be a list of steps, got the element ${JSON.stringify(step)}`);
  }
}

/** @throws RangeError for a value that is not a number, or below 0 */
function checkCount(what: string, count: number): void {
  if (!(typeof count === 'number' && count >= 0))
    throw new RangeError(`${what} must be a number from 0, got ${JSON.stringify(count)}`);
}
