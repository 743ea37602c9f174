/**
 * What the README promises for each cell of the fault matrix. Uses no code of the library: each cell belongs to a row of the
 * README's table, and the row says what happens.
 */

import type { Cell } from './cell.js';

/** What happens to a request: this file's words for the columns of the README. */
type Fate =
  | { readonly does: 'answered' }
  /** Nothing was sent: it goes elsewhere, and the first try does not count as an attempt. */
  | { readonly does: 'elsewhere' }
  /** Nothing was sent, and the first try counts as an attempt. */
  | { readonly does: 'at once' }
  | { readonly does: 'once more' }
  | { readonly does: 'fails'; readonly status: 502 | 504 }
  | { readonly does: 'breaks off' };

export interface Row {
  /** The beginning of the row in the README; `undefined` if the README has no such row. */
  readonly readme: string | undefined;
  readonly idempotent: Fate;
  readonly not: Fate;
  /** The beginnings of the two columns in the README. */
  readonly words: readonly [string, string];
}

const ELSEWHERE: Fate = { does: 'elsewhere' };
const AT_ONCE: Fate = { does: 'at once' };
const ONCE_MORE: Fate = { does: 'once more' };
const ANSWERED: Fate = { does: 'answered' };
const BREAKS_OFF: Fate = { does: 'breaks off' };
const FAILS_502: Fate = { does: 'fails', status: 502 };
const FAILS_504: Fate = { does: 'fails', status: 504 };

export const ROWS = {
  dialFailed: {
    readme: 'a dial failed',
    words: ['nothing was sent', 'the same'],
    idempotent: ELSEWHERE,
    not: ELSEWHERE,
  },
  foundClosed: {
    readme: 'an idle connection was found closed, or with stray bytes',
    words: ['nothing was sent', 'the same'],
    idempotent: ELSEWHERE,
    not: ELSEWHERE,
  },
  refusedWrite: {
    readme: 'the kernel refused the first write',
    words: ['at once', 'the same'],
    idempotent: AT_ONCE,
    not: AT_ONCE,
  },
  closed: {
    readme: 'sent, then closed or reset before a byte of the answer',
    words: ['once', '**never**: 502'],
    idempotent: ONCE_MORE,
    not: FAILS_502,
  },
  closedInHead: {
    readme: 'closed inside the response head',
    words: ['once', 'never: 502'],
    idempotent: ONCE_MORE,
    not: FAILS_502,
  },
  notHttp: {
    readme: 'what came is not HTTP',
    words: ['never: 502', 'never: 502'],
    idempotent: FAILS_502,
    not: FAILS_502,
  },
  untaken: {
    readme: 'the origin took no byte for `sendTimeout`',
    words: ['never: 504', 'never: 504'],
    idempotent: FAILS_504,
    not: FAILS_504,
  },
  silent: {
    readme: 'no response head within `headersTimeout`',
    words: ['no: 504', 'never: 504'],
    idempotent: FAILS_504,
    not: FAILS_504,
  },
  headIsWithClient: {
    readme: 'the response head is with the client, then the rest is lost',
    words: ['never: the client', 'never'],
    idempotent: BREAKS_OFF,
    not: BREAKS_OFF,
  },
  answered: { readme: undefined, words: ['', ''], idempotent: ANSWERED, not: ANSWERED },
} as const satisfies Record<string, Row>;

type RowName = keyof typeof ROWS;

function rowOf({ phase, at, fault }: Cell): RowName {
  if (fault === 'none') return 'answered';
  if (fault === 'refusal') return 'refusedWrite';
  switch (phase) {
    case 'dial':
    case 'tls':
      return 'dialFailed';
    case 'idle':
      return fault === 'stall' ? 'silent' : 'foundClosed';
    case 'head-sent':
    case 'body-sent':
      return fault === 'stall' ? 'untaken' : beforeAnswer(fault);
    case 'all-sent':
      return beforeAnswer(fault);
    case 'response-head':
      if (at > 0 && (fault === 'fin' || fault === 'rst')) return 'closedInHead';
      // A whole response inside a head makes the head invalid, except in one place.
      return at > 0 && fault === 'stray' && !isInReason(at) ? 'notHttp' : beforeAnswer(fault);
    case 'response-body':
      return 'headIsWithClient';
    case 'after':
      return 'answered';
  }
}

/** Inside the reason phrase, another status line is just more words, and its fields continue the head. */
function isInReason(at: number): boolean {
  return at >= 'HTTP/1.1 200 '.length && at <= 'HTTP/1.1 200 OK'.length;
}

function beforeAnswer(fault: 'fin' | 'rst' | 'stall' | 'garbage' | 'stray'): RowName {
  switch (fault) {
    case 'fin':
    case 'rst':
      return 'closed';
    case 'stall':
      return 'silent';
    case 'garbage':
      return 'notHttp';
    case 'stray':
      return 'answered'; // by the stray response, which HTTP/1.1 cannot tell from the answer
  }
}

/** What must have been seen at the end. */
export interface Expected {
  readonly outcome: 'answered' | 'broken off' | 502 | 504;
  /** For an answer: to which response its body belongs. */
  readonly body: 'own' | 'stray' | undefined;
  readonly delivery: 'unsent' | 'unknown' | 'answered' | undefined;
  readonly executions: number;
  readonly attempts: number;
}

export function expectedOf(cell: Cell): Expected {
  const row = ROWS[rowOf(cell)];
  const idempotent = cell.method !== 'POST';
  const fate = idempotent ? row.idempotent : row.not;
  // A request is executed once the origin has all of it, however the connection ends.
  const done = ['all-sent', 'response-head', 'response-body', 'after'].includes(cell.phase) ? 1 : 0;
  switch (fate.does) {
    case 'answered':
      return answeredBy(cell, cell.fault === 'none' ? 1 : done);
    case 'elsewhere':
      return { outcome: 'answered', body: 'own', delivery: undefined, executions: 1, attempts: 1 };
    case 'at once':
      return { outcome: 'answered', body: 'own', delivery: undefined, executions: 1, attempts: 2 };
    case 'once more':
      // Row: more of the body was given out than `replayBytes` keeps.
      if (cell.body === 'spent') return failed(502, done);
      return { outcome: 'answered', body: 'own', delivery: undefined, executions: done + 1, attempts: 2 };
    case 'fails':
      return failed(fate.status, done);
    case 'breaks off':
      return { outcome: 'broken off', body: undefined, delivery: 'answered', executions: done, attempts: 1 };
  }
}

function answeredBy({ fault, phase }: Cell, executions: number): Expected {
  const body = fault === 'stray' && phase !== 'after' ? 'stray' : 'own';
  return { outcome: 'answered', body, delivery: undefined, executions, attempts: 1 };
}

function failed(outcome: 502 | 504, executions: number): Expected {
  return { outcome, body: undefined, delivery: 'unknown', executions, attempts: 1 };
}
