/**
 * One connection of the scripted origin: reads requests, plays steps, records what it saw.
 *
 * The source text of the class is copied into a worker thread. So this file imports types only, and its class uses
 * nothing outside itself.
 */

import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { Timer } from '../time/clock.js';
import type { Answer } from './answer.js';
import type { AnswerWriter } from './answer-writer.js';
import type { Ending, OriginEvent } from './origin-records.js';
import type { OriginSocket, OriginWire } from './origin-wire.js';
import type { RequestHead, RequestReader } from './request-reader.js';
import type { Moment, OriginRequest } from './script.js';
import type { Step } from './steps.js';

/** What a connection needs from its origin. */
export interface OriginConnectionOwner {
  readonly RequestReader: typeof RequestReader;
  readonly OriginWire: typeof OriginWire;
  readonly answers: AnswerWriter;
  record(event: OriginEvent): void;
  nextRequest(): number;
  /** The steps of script and rules for a moment; `undefined` if none match. */
  stepsFor(moment: Moment, connection: number, request: OriginRequest | undefined): readonly Step[] | undefined;
  /** Resolves when the gate is released. */
  gate(name: string): Promise<void>;
  /** Resolves `ms` later; never if the origin is closed before. */
  sleep(ms: number): Promise<void>;
  after(ms: number, call: () => void): Timer;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

interface Arriving extends Mutable<OriginRequest> {
  answered: boolean; // answered or stalled by the steps of its head: those of the whole request are skipped
}

export class OriginConnection {
  readonly #owner: OriginConnectionOwner;
  readonly #raw: OriginSocket;
  readonly #index: number;
  readonly #reader: RequestReader;
  readonly #wire: OriginWire;
  #tail: Promise<void> = Promise.resolve(); // the steps of moments, one after the other
  #playing = 0; // moments whose steps are not over
  #stalled = false;
  #closing = false;
  #clientEnded = false;
  #bytesIn = 0;
  #requests = 0;
  #arriving: Arriving | undefined;
  #body: Buffer[] = [];
  #midRequest = false;
  #afterBytesIn: { readonly bytes: number; readonly steps: readonly Step[] }[] = [];
  #whenIdle: { readonly ms: number; readonly steps: readonly Step[] } | undefined;
  #idleTimer: Timer | undefined;

  constructor(owner: OriginConnectionOwner, raw: OriginSocket, index: number) {
    this.#owner = owner;
    this.#raw = raw;
    this.#wire = new owner.OriginWire(raw);
    this.#index = index;
    this.#reader = new owner.RequestReader({
      onHead: (head) => this.#onHead(head),
      onBody: (bytes) => this.#onBody(bytes),
      onEnd: (rawTrailers) => this.#onRequest(rawTrailers),
      onGarbage: (reason) => owner.record({ seen: 'garbage', connection: index, reason }),
    });
    raw.setNoDelay(true);
    raw.on('error', () => this.#ended('client-reset'));
    raw.on('close', () => this.#onClose());
    owner.record({ seen: 'connection', connection: index });
  }

  /** Starts reading. `secure` puts TLS on the socket, once the steps of the moment `connection` are over. */
  open(secure: ((raw: OriginSocket) => TLSSocket) | undefined): void {
    const begun = this.#playMoment('connection');
    if (secure === undefined) {
      this.#listen(this.#raw);
      return;
    }
    void begun.then(() => {
      if (this.#stalled || this.#raw.destroyed) return;
      const socket = secure(this.#raw);
      this.#wire.secure(socket);
      socket.on('error', () => this.#ended('client-reset'));
      socket.on('secure', () => {
        const servername = typeof socket.servername === 'string' ? socket.servername : '';
        const resumed = socket.isSessionReused();
        this.#owner.record({ seen: 'secure', connection: this.#index, resumed, servername });
      });
      this.#listen(socket);
    });
  }

  /** Plays steps now, in parallel with others that are being played. */
  async play(steps: readonly Step[], request?: Arriving): Promise<void> {
    for (const step of steps) {
      if (step.do === 'hold' || step.do === 'wait') this.#recordStep(step);
      await this.#do(step, request);
      if (step.do !== 'hold' && step.do !== 'wait') this.#recordStep(step);
    }
  }

  /** Ends the connection, whatever is being played. */
  end(how: 'close' | 'reset' | 'destroy'): Promise<void> {
    this.#closing = true;
    this.#idleTimer?.cancel();
    this.#ended(how === 'reset' ? 'origin-reset' : 'origin-closed');
    return this.#wire[how]();
  }

  #listen(socket: Duplex): void {
    socket.on('data', (bytes: Buffer) => this.#onData(bytes));
    socket.on('end', () => {
      this.#ended('client-closed');
      this.#clientEnded = true;
      if (this.#playing === 0 || this.#stalled) void this.#wire.halfClose();
    });
  }

  #onData(bytes: Buffer): void {
    this.#owner.record({ seen: 'bytes', connection: this.#index, bytes });
    this.#bytesIn += bytes.length;
    this.#midRequest = true;
    this.#idleTimer?.cancel();
    const due = this.#afterBytesIn.filter((rule) => this.#bytesIn >= rule.bytes);
    this.#afterBytesIn = this.#afterBytesIn.filter((rule) => this.#bytesIn < rule.bytes);
    for (const rule of due) void this.play(rule.steps);
    if (!this.#closing) this.#reader.read(bytes);
  }

  #onHead(head: RequestHead): void {
    const arriving: Arriving = {
      ...head,
      index: this.#owner.nextRequest(),
      connection: this.#index,
      onConnection: this.#requests,
      id: head.headers['x-request-id'] ?? head.path,
      body: new Uint8Array(0),
      rawTrailers: [],
      complete: false,
      answered: false,
    };
    this.#requests += 1;
    this.#arriving = arriving;
    const { answered: _, ...request } = arriving;
    this.#owner.record({ seen: 'head', connection: this.#index, request });
    void this.#playMoment('head', arriving);
  }

  #onBody(bytes: Buffer): void {
    this.#owner.record({ seen: 'body', connection: this.#index, bytes });
    this.#body.push(bytes);
  }

  #onRequest(rawTrailers: readonly string[]): void {
    const request = this.#arriving;
    if (request === undefined) return;
    this.#midRequest = false;
    this.#arriving = undefined;
    request.rawTrailers = rawTrailers;
    request.body = Buffer.concat(this.#body);
    this.#body = [];
    request.complete = true;
    this.#owner.record({ seen: 'request', connection: this.#index, rawTrailers });
    void this.#playMoment('request', request);
  }

  /** Plays the steps of a moment, after the steps of earlier moments. */
  #playMoment(moment: Moment, request?: Arriving): Promise<void> {
    this.#playing += 1;
    this.#tail = this.#tail.then(async () => {
      if (!this.#stalled && !this.#closing && !(moment === 'request' && request?.answered === true)) {
        const steps = this.#owner.stepsFor(moment, this.#index, request) ?? this.#unscripted(moment, request);
        await this.#playSteps(steps, request);
      }
      this.#playing -= 1;
      this.#settle();
    });
    return this.#tail;
  }

  async #playSteps(steps: readonly Step[], request: Arriving | undefined): Promise<void> {
    for (const step of steps) {
      await this.play([step], request);
      if (this.#stalled) return;
    }
  }

  #unscripted(moment: Moment, request: Arriving | undefined): readonly Step[] {
    if (moment === 'request')
      return [
        { do: 'execute', id: undefined },
        { do: 'answer', answer: {} },
      ];
    // RFC 9110 §10.1.1: a client that waits for 100 is told to continue.
    const waits = moment === 'head' && /100-continue/i.test(request?.headers.expect ?? '');
    return waits ? [{ do: 'inform', status: 100, fields: {} }] : [];
  }

  #settle(): void {
    if (this.#playing > 0 || this.#closing) return;
    if (this.#clientEnded) void this.#wire.halfClose();
    else this.#awaitIdle();
  }

  #awaitIdle(): void {
    const rule = this.#whenIdle;
    this.#idleTimer?.cancel();
    if (rule === undefined || this.#closing || this.#midRequest || this.#playing > 0) return;
    this.#idleTimer = this.#owner.after(rule.ms, () => void this.play(rule.steps));
  }

  async #do(step: Step, request: Arriving | undefined): Promise<void> {
    switch (step.do) {
      case 'execute':
        return this.#owner.record({
          seen: 'execution',
          connection: this.#index,
          id: step.id ?? request?.id ?? '(no request)',
        });
      case 'answer':
        return this.#answer(step.answer, request);
      case 'inform':
        return this.#wire.write(this.#owner.answers.inform(step.status, step.fields));
      case 'send':
        return this.#wire.write(step.bytes);
      case 'wait':
        return this.#owner.sleep(step.ms);
      case 'hold':
        return this.#owner.gate(step.gate);
      case 'stall':
        if (request !== undefined) request.answered = true;
        this.#stalled = true;
        return;
      case 'close':
      case 'reset':
        return this.end(step.do);
      case 'half-close':
        this.#ended('origin-closed');
        return this.#wire.halfClose();
      case 'stop-reading':
        return this.#wire.stopReading();
      case 'read-on':
        return this.#wire.readOn();
      case 'when-idle':
        this.#whenIdle = step;
        return this.#awaitIdle();
      case 'after-bytes-in':
        this.#afterBytesIn.push(step);
        return;
    }
  }

  #answer(answer: Answer, request: Arriving | undefined): Promise<void> {
    if (request !== undefined) request.answered = true;
    if (answer.status === 101) this.#reader.stop();
    const bytes = this.#owner.answers.answer(answer, request?.method === 'HEAD');
    return answer.pieceBytes === undefined
      ? this.#wire.write(bytes)
      : this.#wire.writeInPieces(bytes, answer.pieceBytes);
  }

  #recordStep(step: Step): void {
    this.#owner.record({ seen: 'step', connection: this.#index, step: step.do });
  }

  #ended(by: Ending): void {
    this.#owner.record({ seen: 'end', connection: this.#index, by });
  }

  #onClose(): void {
    this.#closing = true;
    this.#idleTimer?.cancel();
    this.#owner.record({ seen: 'closed', connection: this.#index });
  }
}
