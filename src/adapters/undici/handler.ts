/** The two interfaces of undici's handlers: the callbacks from before version 7, and those with a controller. */

import { type Dispatcher, errors, util } from 'undici';

/** What a handler may do to its request. */
export interface Flow {
  abort(reason?: unknown): void;
  pause(): void;
  resume(): void;
  readonly aborted: boolean;
  readonly paused: boolean;
  readonly reason: Error | null;
}

/** A handler of either interface. Fields are name, value, name, value… in latin1. */
export interface Listener {
  started(): void;
  information(statusCode: number, statusText: string, fields: readonly string[]): void;
  head(statusCode: number, statusText: string, fields: readonly string[]): void;
  data(bytes: Buffer): void;
  ended(trailers: readonly string[]): void;
  failed(error: Error): void;
}

/** A handler of any version. The types of each version declare only a part of it. */
export type Handler = Dispatcher.DispatchHandler;

/** @throws InvalidArgumentError for an object that no version accepts as a handler */
export function listenerOf(handler: Handler, flow: Flow): Listener {
  if (typeof handler.onRequestStart === 'function') return new ControllerListener(handler, flow);
  if (typeof handler.onConnect !== 'function') throw new errors.InvalidArgumentError('invalid onRequestStart method');
  if (typeof handler.onError !== 'function') throw new errors.InvalidArgumentError('invalid onError method');
  return new CallbackListener(handler, flow);
}

/** Reports a failure to a handler whose request was never made. */
export function refuse(handler: Handler, error: Error): void {
  if (typeof handler.onRequestStart === 'function' && typeof handler.onResponseError === 'function') {
    handler.onResponseError(new Controller(unbegun(error)), error);
  } else if (typeof handler.onError === 'function') handler.onError(error);
  else throw error;
}

class CallbackListener implements Listener {
  readonly #handler: Handler;
  readonly #flow: Flow;
  readonly #resume: () => void;

  constructor(handler: Handler, flow: Flow) {
    this.#handler = handler;
    this.#flow = flow;
    this.#resume = () => flow.resume();
  }

  started(): void {
    this.#handler.onConnect?.((reason) => this.#flow.abort(reason));
  }

  information(statusCode: number, statusText: string, fields: readonly string[]): void {
    this.#handler.onHeaders?.(statusCode, bytesOf(fields), nothing, statusText);
  }

  head(statusCode: number, statusText: string, fields: readonly string[]): void {
    this.#handler.onResponseStarted?.();
    const goesOn = this.#handler.onHeaders?.(statusCode, bytesOf(fields), this.#resume, statusText);
    if (goesOn === false) this.#flow.pause();
  }

  data(bytes: Buffer): void {
    if (this.#handler.onData?.(bytes) === false) this.#flow.pause();
  }

  ended(trailers: readonly string[]): void {
    // The type says strings, but undici itself passes bytes.
    this.#handler.onComplete?.(bytesOf(trailers) as unknown as string[]);
  }

  failed(error: Error): void {
    this.#handler.onError?.(error);
  }
}

class ControllerListener implements Listener {
  readonly #handler: Handler;
  readonly #controller: Controller;

  constructor(handler: Handler, flow: Flow) {
    this.#handler = handler;
    this.#controller = new Controller(flow);
  }

  started(): void {
    this.#handler.onRequestStart?.(this.#controller, null);
  }

  information(statusCode: number, statusText: string, fields: readonly string[]): void {
    this.#handler.onResponseStart?.(this.#controller, statusCode, util.parseHeaders([...fields]), statusText);
  }

  head(statusCode: number, statusText: string, fields: readonly string[]): void {
    this.#controller.rawHeaders = bytesOf(fields);
    this.information(statusCode, statusText, fields);
  }

  data(bytes: Buffer): void {
    this.#handler.onResponseData?.(this.#controller, bytes);
  }

  ended(trailers: readonly string[]): void {
    this.#controller.rawTrailers = bytesOf(trailers);
    this.#handler.onResponseEnd?.(this.#controller, util.parseHeaders([...trailers]));
  }

  failed(error: Error): void {
    this.#handler.onResponseError?.(this.#controller, error);
  }
}

class Controller implements Dispatcher.DispatchController {
  rawHeaders: Buffer[] | null = null;
  rawTrailers: Buffer[] | null = null;
  readonly #flow: Flow;

  constructor(flow: Flow) {
    this.#flow = flow;
  }

  get aborted(): boolean {
    return this.#flow.aborted;
  }

  get paused(): boolean {
    return this.#flow.paused;
  }

  get reason(): Error | null {
    return this.#flow.reason;
  }

  abort(reason: Error): void {
    this.#flow.abort(reason);
  }

  pause(): void {
    this.#flow.pause();
  }

  resume(): void {
    this.#flow.resume();
  }
}

function unbegun(reason: Error): Flow {
  return { abort: nothing, pause: nothing, resume: nothing, aborted: false, paused: false, reason };
}

function bytesOf(fields: readonly string[]): Buffer[] {
  return fields.map((text) => Buffer.from(text, 'latin1'));
}

function nothing(): void {}
