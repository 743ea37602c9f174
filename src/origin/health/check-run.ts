/** One check of an origin, on a connection of its own: dial it, ask it, judge the answer. */

import { Connection } from '../../connection/connection.js';
import type { ConnectionOwner } from '../../connection/connection-owner.js';
import type { ConnectionSetting } from '../../connection/connection-setting.js';
import type { DialListener, Dialled, DialTarget, DialUnderWay, StartDial } from '../../connection/dial.js';
import type { ExchangeListener } from '../../connection/exchange.js';
import type { ExchangeEnding } from '../../connection/exchange-ending.js';
import { asBackendError, type BackendError } from '../../errors.js';
import { writeRequestHead } from '../../http1/request-head.js';
import type { ResponseHead } from '../../http1/response-head.js';
import type { CheckResult } from '../../observe/reasons.js';
import type { CheckAnswer, ResolvedCheck } from '../../options.js';
import type { Deadline } from '../../time/deadlines.js';
import { newConnectionError } from '../new-connection-error.js';

/** What a check has found. `what` is one word: `status_200`, `open`, `timeout`, the code of a failed dial… */
export interface CheckVerdict {
  readonly passed: boolean;
  readonly what: CheckResult;
  readonly error: unknown;
}

/** Which origin to check, and how. */
export interface CheckSetting {
  readonly check: ResolvedCheck;
  /** For the Host field, unless the check sets another. A function, because the authority of the origin may change. */
  readonly authority: () => string;
  /** Its TLS session is never resumed: a check should see what a new client sees. */
  readonly target: DialTarget;
  readonly startDial: StartDial;
  readonly connection: ConnectionSetting;
}

// A health page is short. A longer body is judged by its beginning.
const LONGEST_BODY = 65_536;

export class CheckRun implements DialListener, ConnectionOwner, ExchangeListener {
  readonly #setting: CheckSetting;
  readonly #done: (verdict: CheckVerdict) => void;
  readonly #limit: Deadline;
  #dial: DialUnderWay | undefined;
  #connection: Connection | undefined;
  #head: ResponseHead | undefined;
  #body: Buffer[] = [];
  #bodyBytes = 0;
  #ended = false;

  /** `done` is called once, never within this call; not at all if the check is abandoned. */
  constructor(setting: CheckSetting, done: (verdict: CheckVerdict) => void) {
    const { check, target, connection } = setting;
    this.#setting = setting;
    this.#done = done;
    this.#limit = connection.deadlines.create(() => this.#fail('timeout', undefined));
    this.#limit.set(check.timeout);
    const protocol = check.type === 'tcp' ? 'http:' : target.protocol;
    const untimed = { ...target, protocol, connectTimeoutMs: Number.POSITIVE_INFINITY };
    this.#dial = setting.startDial(untimed, undefined, connection.deadlines, this);
  }

  /** Its verdict is not wanted any more. */
  abandon(): void {
    this.#end();
  }

  // --- the dial --------------------------------------------------------------------------------------------------------

  opened(dialled: Dialled): void {
    this.#dial = undefined;
    const { check, target, connection } = this.#setting;
    if (check.type === 'http') {
      try {
        const refusal = newConnectionError(target.origin, dialled, connection.secure);
        if (refusal !== undefined) throw refusal;
        this.#ask(new Connection(dialled, connection, this));
      } catch (thrown) {
        dialled.socket.destroy();
        const error = asBackendError(thrown);
        this.#fail(error.code, error);
      }
      return;
    }
    // A reset leaves no TIME_WAIT behind: there are many checks, and no byte was sent that a reset could lose.
    if (check.type === 'tls' || dialled.isLocal === true) dialled.socket.destroy();
    else dialled.socket.resetAndDestroy();
    this.#finish({ passed: true, what: check.type === 'tls' ? 'secure' : 'open', error: undefined });
  }

  failed(error: BackendError): void {
    this.#dial = undefined;
    this.#fail(error.code, error);
  }

  session(): void {}

  // --- the exchange ----------------------------------------------------------------------------------------------------

  #ask(connection: Connection): void {
    this.#connection = connection;
    const { check, authority } = this.#setting;
    const { method, path, host = authority() } = check;
    const framing = { kind: 'none' } as const;
    const fields = ['User-Agent', 'pooled-backend-check'];
    const head = writeRequestHead({ method, path, host, fields, framing, acceptsTrailers: false });
    const forever = Number.POSITIVE_INFINITY; // `#limit` holds for the whole check
    const timeouts = { sendTimeout: forever, headersTimeout: forever, bodyTimeout: forever };
    const exchange = connection.begin({ method, timeouts }, undefined, this);
    if (!exchange.start(head)) this.#fail('connection_terminated', undefined);
  }

  onInformation(): void {}

  onHead(head: ResponseHead): void {
    this.#head = head;
  }

  onBody(bytes: Buffer): void {
    this.#bodyBytes += bytes.length;
    this.#body.push(Buffer.from(bytes)); // a copy, because the memory of `bytes` is used again
    if (this.#bodyBytes >= LONGEST_BODY) this.#judge();
  }

  exchangeEnded(): void {
    this.#judge();
  }

  exchangeFailed(_ending: ExchangeEnding, cause: BackendError): void {
    this.#fail(cause.code, cause);
  }

  #judge(): void {
    if (this.#head === undefined) return;
    const { statusCode, rawHeaders } = this.#head;
    const { expect } = this.#setting.check;
    if (typeof expect !== 'function') {
      const passed = statusCode >= expect.from && statusCode <= expect.to;
      this.#finish({ passed, what: `status_${statusCode}`, error: undefined });
      return;
    }
    const body = Buffer.concat(this.#body).toString('utf8', 0, LONGEST_BODY);
    try {
      const holds = expectation(expect, { statusCode, rawHeaders: rawHeaders.slice(), body });
      this.#finish({ passed: holds, what: holds ? `status_${statusCode}` : 'unexpected_answer', error: undefined });
    } catch (thrown) {
      this.#fail('expect_failed', thrown);
    }
  }

  // --- what its connection tells -----------------------------------------------------------------------------------------

  reusable(): void {
    this.#connection?.close('drained');
  }

  closed(): void {}

  answered(): void {}

  // --- the end ---------------------------------------------------------------------------------------------------------

  #fail(what: CheckResult, error: unknown): void {
    this.#finish({ passed: false, what, error });
  }

  #finish(verdict: CheckVerdict): void {
    if (this.#ended) return;
    this.#end();
    this.#done(verdict);
  }

  #end(): void {
    this.#ended = true;
    this.#limit.clear();
    this.#dial?.abandon();
    this.#connection?.close('drained');
    this.#body = [];
  }
}

/** Accepts a boolean only: an async function returns a promise, with which every check would pass. */
function expectation(expect: (answer: CheckAnswer) => boolean, answer: CheckAnswer): boolean {
  const holds: unknown = expect(answer);
  if (typeof holds === 'boolean') return holds;
  throw new TypeError(`check.expect must return true or false, got ${typeof holds}`);
}
