/** Takes a client's request in: its head at once, its body as far as it may be held in memory. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { MemoryBody, NO_TRAILERS } from '../../body/memory-body.js';
import type { ReplayBody } from '../../body/replay-body.js';
import { StreamBody } from '../../body/stream-body.js';
import { awaitsContinue, continueWhenRead, writeContinue } from '../../client/interim.js';
import type { BackendError } from '../../errors.js';
import { withoutField, withoutForbiddenTrailers } from '../../http1/fields.js';
import type { ResolvedHandlerOptions } from '../../options.js';
import type { MountedBackend } from '../mounted-backend.js';
import { BodyBuffer, type BufferOutlet } from './body-buffer.js';
import type { ClientRequest } from './client-request.js';
import { parsedBody, wasRead } from './parsed-body.js';

/** Gets the request when it can be dispatched. */
export interface IntakeOutlet {
  /** `expectTimeout`: the client holds its body back, for at most this long if the origin does not ask for it. */
  requestReady(request: ClientRequest, body: ReplayBody | undefined, expectTimeout?: number): void;
  requestFailed(error: BackendError): void;
}

type IntakeOptions = Pick<ResolvedHandlerOptions, 'requestBufferBytes' | 'expectTimeout'>;

export class RequestIntake implements BufferOutlet {
  readonly #request: ClientRequest;
  readonly #backend: MountedBackend;
  readonly #req: IncomingMessage;
  readonly #outlet: IntakeOutlet;
  #buffer: BodyBuffer | undefined;

  constructor(backend: MountedBackend, request: ClientRequest, req: IncomingMessage, outlet: IntakeOutlet) {
    this.#backend = backend;
    this.#req = req;
    this.#outlet = outlet;
    this.#request = request;
  }

  /**
   * Gives the request to the outlet, at once if its body is there. Returns true if its body comes from the client's stream: then the client
   * has to send bytes first, or while the request is in progress.
   * @throws BackendError `body_already_read`
   */
  begin(res: ServerResponse, { requestBufferBytes, expectTimeout }: IntakeOptions): boolean {
    const { expectsContinue } = this.#request;
    if (wasRead(this.#req)) {
      this.#takeParsed();
      return false;
    }
    if (expectsContinue && awaitsContinue(res) && expectTimeout !== false) this.#expect(res, expectTimeout);
    else {
      if (expectsContinue) writeContinue(res);
      this.#read(requestBufferBytes);
    }
    return true;
  }

  /** Leaves it to the origin whether the body is sent at all. */
  #expect(res: ServerResponse, expectTimeout: number): void {
    continueWhenRead(this.#req, res);
    const request = { ...this.#request, fields: [...this.#request.fields, 'Expect', '100-continue'] };
    this.#outlet.requestReady(request, this.#streamed([]), expectTimeout);
  }

  /** The body's bytes are not needed any more. If more of them were to come, nothing will be dispatched. */
  release(): void {
    this.#buffer?.release();
  }

  bufferFull(pieces: readonly Uint8Array[], bytes: number): void {
    const [first] = pieces;
    const whole = pieces.length === 1 && first !== undefined ? first : Buffer.concat(pieces, bytes);
    this.#outlet.requestReady(this.#request, new MemoryBody(whole, this.#trailers()));
  }

  bufferOverflowed(pieces: readonly Uint8Array[]): void {
    this.#stream(pieces);
  }

  bufferFailed(error: BackendError): void {
    this.#outlet.requestFailed(error);
  }

  #read(requestBufferBytes: number | false): void {
    if (requestBufferBytes === false) {
      this.#stream([]);
      return;
    }
    const limits = { length: this.#length(), limitBytes: requestBufferBytes, budget: this.#backend.requestBuffer };
    this.#buffer = new BodyBuffer(this.#req, limits, this);
    if (!this.#buffer.begin()) this.#stream([]);
  }

  #stream(prefix: readonly Uint8Array[]): void {
    this.#outlet.requestReady(this.#request, this.#streamed(prefix));
  }

  #streamed(prefix: readonly Uint8Array[]): ReplayBody {
    const { replayBytes } = this.#backend.options;
    const trailers = () => this.#trailers();
    return new StreamBody(this.#req, { length: this.#length(), replayBytes, prefix, trailers });
  }

  #takeParsed(): void {
    const { bytes, decoded } = parsedBody(this.#req);
    this.#outlet.requestReady(decoded ? withoutCoding(this.#request) : this.#request, new MemoryBody(bytes));
  }

  #length(): number | undefined {
    return this.#request.framing.kind === 'length' ? this.#request.framing.bytes : undefined;
  }

  #trailers(): readonly string[] {
    const { rawTrailers } = this.#req;
    return rawTrailers === undefined || rawTrailers.length === 0 ? NO_TRAILERS : withoutForbiddenTrailers(rawTrailers);
  }
}

function withoutCoding(request: ClientRequest): ClientRequest {
  return { ...request, fields: withoutField(request.fields, 'content-encoding') };
}
