/** The user's own lookup function in one dial. Whatever it does, node:net gets exactly one answer: an address or a failure. */

import type { LookupFunction } from 'node:net';
import { isError, messageOf } from '../errors.js';

/**
 * Without it, node:net would let an empty answer end the process, connect twice for two answers, and keep a handle for each lookup that
 * throws.
 */
export class NameLookup {
  readonly #resolve: LookupFunction;
  #failed = false;

  constructor(resolve: LookupFunction) {
    this.#resolve = resolve;
  }

  /** Whether the lookup has failed, so that there is no address to dial. */
  get failed(): boolean {
    return this.#failed;
  }

  /** For `net.connect`, once. */
  readonly lookup: LookupFunction = (hostname, options, callback) => {
    let isAnswered = false;
    const answer = (error: unknown, address?: unknown, family?: number) => {
      if (isAnswered) return;
      isAnswered = true;
      if (!error && isAnswer(address)) callback(null, address, family);
      else this.#fail(error || noAddress(hostname), callback);
    };
    try {
      const returned: unknown = this.#resolve(hostname, options, answer);
      if (returned instanceof Promise) returned.catch(answer);
    } catch (thrown) {
      answer(thrown);
    }
  };

  #fail(error: unknown, callback: Parameters<LookupFunction>[2]): void {
    this.#failed = true;
    callback(isError(error) ? error : new Error(messageOf(error)), '');
  }
}

type Answer = Parameters<Parameters<LookupFunction>[2]>[1];

/** Whether node:net can read the answer. It reports by itself if that is not an address. */
function isAnswer(given: unknown): given is Answer {
  if (!Array.isArray(given)) return typeof given === 'string' && given !== '';
  return given.length > 0 && given.every((one) => typeof one === 'object' && one !== null);
}

function noAddress(hostname: string): Error {
  return Object.assign(new Error(`the lookup of ${hostname} gave no address`), { code: 'ENODATA' });
}
