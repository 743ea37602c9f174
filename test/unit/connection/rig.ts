/** One connection whose owner, listeners, far end and clock all belong to the test. */

import type { BodySource } from '../../../src/connection/body-source.js';
import { Connection } from '../../../src/connection/connection.js';
import type { ConnectionOwner } from '../../../src/connection/connection-owner.js';
import type { Dialled, Intake } from '../../../src/connection/dial.js';
import type { Exchange, ExchangeListener } from '../../../src/connection/exchange.js';
import type { ExchangeEnding } from '../../../src/connection/exchange-ending.js';
import type { BackendError } from '../../../src/errors.js';
import { readWindow } from '../../../src/http1/llhttp.js';
import { FIXED_LIMITS } from '../../../src/http1/parser-limits.js';
import { RepeatedHead } from '../../../src/http1/repeated-head.js';
import type { ResponseHead } from '../../../src/http1/response-head.js';
import type { CloseReason } from '../../../src/observe/reasons.js';
import { ManualClock, type MemorySocket, memorySockets } from '../../../src/testing/index.js';
import { Deadlines } from '../../../src/time/deadlines.js';

export const LIMITS = { ...FIXED_LIMITS, maxHeaderBytes: 16_384 };

export const TIMEOUTS = { sendTimeout: 1_000, headersTimeout: 2_000, bodyTimeout: 3_000 };

export const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

/** Records the calls to the owner. */
export class Owner implements ConnectionOwner {
  readonly told: string[] = [];
  heard = '';

  reusable(): void {
    this.told.push('reusable');
  }

  closed(reason: CloseReason, heard: string): void {
    this.told.push(`closed: ${reason}`);
    this.heard = heard;
  }

  answered(head: ResponseHead): void {
    this.told.push(`head: ${head.statusCode}`);
  }
}

/** Records the calls to the listener of one exchange. */
export class Listener implements ExchangeListener {
  readonly told: string[] = [];
  body = '';
  error: BackendError | undefined;
  /** What `readEnded` answers behind a piece of the body. */
  takes = true;
  #gotBody = false; // since the last `readEnded`
  /** Called within each event, after it was recorded; and when a read that brought a piece of the body has ended. */
  during: (event: string) => void = () => undefined;

  onInformation({ statusCode }: ResponseHead): void {
    this.#tell(`information: ${statusCode}`);
  }

  onHead(head: ResponseHead): void {
    this.#tell(`head: ${head.statusCode}`);
  }

  onBody(bytes: Buffer): void {
    this.body += bytes.toString('latin1');
    this.#gotBody = true;
    this.#tell('body');
  }

  readEnded(): boolean {
    const gotBody = this.#gotBody;
    this.#gotBody = false;
    if (gotBody) this.during('read ended');
    return !gotBody || this.takes;
  }

  exchangeEnded(trailers: readonly string[]): void {
    this.#tell(trailers.length === 0 ? 'ended' : `ended: ${trailers.join(' ')}`);
  }

  exchangeFailed(ending: ExchangeEnding, cause: BackendError): void {
    this.error = cause;
    this.#tell(`failed: ${ending}`);
  }

  #tell(event: string): void {
    this.told.push(event);
    this.during(event);
  }
}

export interface RigOptions {
  readonly secure?: boolean;
  readonly isLocal?: boolean;
  readonly askKernel?: Dialled['askKernel'];
}

export interface Sending {
  readonly method?: string;
  readonly head?: string;
  readonly body?: BodySource;
  readonly listener?: Listener;
}

export class Rig {
  readonly clock = new ManualClock();
  readonly deadlines = new Deadlines(this.clock);
  readonly owner = new Owner();
  readonly near: MemorySocket;
  readonly far: MemorySocket;
  readonly connection: Connection;
  readonly #intake: Intake = { receive: () => false };
  /** What was sent to the origin. It arrives in later turns. */
  heard = '';
  /** Whether the origin saw a reset instead of a close. */
  wasReset = false;

  constructor({ secure = false, isLocal = false, askKernel }: RigOptions = {}) {
    const intake = this.#intake;
    const onread = { buffer: readWindow(), callback: (count: number) => intake.receive(count) };
    [this.near, this.far] = memorySockets({ onread });
    const setting = {
      origin: 'http://o',
      secure,
      clock: this.clock,
      deadlines: this.deadlines,
      limits: LIMITS,
      repeated: new RepeatedHead(),
    };
    const dialled = { socket: this.near, intake, spokeFirst: false, askKernel, isLocal };
    this.connection = new Connection(dialled, setting, this.owner);
    this.far.on('data', (bytes: Buffer) => {
      this.heard += bytes.toString('latin1');
    });
    this.far.on('error', () => {
      this.wasReset = true;
    });
  }

  /** Begins an exchange and sends it. `started` is what `start()` returned. */
  send({
    method = 'GET',
    head = `${method} / HTTP/1.1\r\nHost: o\r\n\r\n`,
    body,
    listener = new Listener(),
  }: Sending = {}): {
    readonly exchange: Exchange;
    readonly listener: Listener;
    readonly started: boolean;
  } {
    const exchange = this.connection.begin({ method, timeouts: TIMEOUTS }, body, listener);
    return { exchange, listener, started: exchange.start(head) };
  }

  /** The origin sends these texts. They are read within the call. */
  answer(...texts: string[]): void {
    for (const text of texts) this.far.write(text, 'latin1');
  }

  /** The same, with bytes that TLS had read before: they come even while reading is paused, and do not resume it. */
  decrypted(text: string): void {
    this.#intake.receive(readWindow().write(text, 'latin1'));
  }

  /** One exchange from beginning to end. */
  exchange(answer = OK): void {
    this.send();
    this.answer(answer);
  }
}

/** Waits a turn, in which streams emit their events. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
