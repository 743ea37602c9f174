/** The error of a call that cannot be sent as it was given. */

import { BackendError } from '../errors.js';
import { shown } from '../options/checks.js';

export function badRequest(message: string, cause?: unknown): BackendError {
  return new BackendError('http_request_error', message, { cause });
}

/** For a value of the wrong kind. `must` is the beginning of a sentence that ends with what was given. */
export function refused(must: string, given: unknown): BackendError {
  return badRequest(`${must}, got ${shown(given)}`);
}
