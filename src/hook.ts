/** Calls the user's hooks, which may return a value, or a promise of it. */

import { BackendError } from './errors.js';

/** A value, or a promise of it. */
export type MaybePromise<T> = T | PromiseLike<T>;

/** Calls a hook of the user. What it throws, or rejects with, becomes the failure of the request. */
export function inHook<T>(name: string, call: () => T): T {
  try {
    const result = call();
    return isPromise(result)
      ? (Promise.resolve(result).catch((cause) => Promise.reject(failed(name, cause))) as T)
      : result;
  } catch (cause) {
    throw failed(name, cause);
  }
}

/** Calls a hook that has to answer at once. A promise would count as a yes, and its rejection would end the process. */
export function inHookAtOnce<T>(name: string, call: () => T): T {
  const given = inHook(name, call);
  if (!isPromise(given)) return given;
  given.then(undefined, () => undefined);
  throw new BackendError('proxy_internal_error', `the ${name} hook returned a promise: it must be synchronous`);
}

/** Goes on with what a hook returned: at once, unless it is a promise. */
export function whenKept<T, R>(value: MaybePromise<T>, use: (value: T) => MaybePromise<R>): MaybePromise<R> {
  return isPromise(value) ? value.then(use) : use(value);
}

export function isPromise<T>(value: MaybePromise<T>): value is PromiseLike<T> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}

function failed(name: string, cause: unknown): BackendError {
  if (BackendError.is(cause)) return cause;
  return new BackendError('proxy_internal_error', `the ${name} hook threw`, { cause });
}
