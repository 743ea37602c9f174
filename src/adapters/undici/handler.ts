/** The two interfaces of undici's handlers: the callbacks from before version 7, and those with a controller. */

import { type Dispatcher, errors, util } from 'undici';

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
export function listenerOf(handler: Handler, controller: Dispatcher.DispatchController): Listener {
  if (typeof handler.onRequestStart === 'function') return new ControllerListener(handler, controller);
  if (typeof handler.onConnect !== 'function') throw new errors.InvalidArgumentError('invalid onRequestStart method');
  if (typeof handler.onError !== 'function') throw new errors.InvalidArgumentError('invalid onError method');
  return new CallbackListener(handler, controller);
}

/** Reports a failure to a handler whose request was never made. */
export function refuse(handler: Handler, error: Error): void {
  if (typeof handler.onRequestStart === 'function' && typeof handler.onResponseError === 'function') {
    handler.onResponseError(unbegun(error), error);
  } else if (typeof handler.onError === 'function') handler.onError(error);
  else throw error;
}

class CallbackListener implements Listener {
  readonly #handler: Handler;
  readonly #controller: Dispatcher.DispatchController;
  readonly #resume: () => void;

  constructor(handler: Handler, controller: Dispatcher.DispatchController) {
    this.#handler = handler;
    this.#controller = controller;
    this.#resume = () => controller.resume();
  }

  started(): void {
    this.#handler.onConnect?.((reason) => this.#controller.abort(reason as Error));
  }

  information(statusCode: number, statusText: string, fields: readonly string[]): void {
    this.#handler.onHeaders?.(statusCode, bytesOf(fields), nothing, statusText);
  }

  head(statusCode: number, statusText: string, fields: readonly string[]): void {
    this.#handler.onResponseStarted?.();
    const goesOn = this.#handler.onHeaders?.(statusCode, bytesOf(fields), this.#resume, statusText);
    if (goesOn === false) this.#controller.pause();
  }

  data(bytes: Buffer): void {
    if (this.#handler.onData?.(bytes) === false) this.#controller.pause();
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
  readonly #controller: Dispatcher.DispatchController;

  constructor(handler: Handler, controller: Dispatcher.DispatchController) {
    this.#handler = handler;
    this.#controller = controller;
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

function unbegun(reason: Error): Dispatcher.DispatchController {
  const calls = { abort: nothing, pause: nothing, resume: nothing };
  return { ...calls, aborted: false, paused: false, reason, rawHeaders: null, rawTrailers: null };
}

function bytesOf(fields: readonly string[]): Buffer[] {
  return fields.map((text) => Buffer.from(text, 'latin1'));
}

function nothing(): void {}
