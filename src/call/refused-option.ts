/** The error for what a call was given and cannot use. */

import { BackendError } from '../errors.js';
import { shown } from '../options/checks.js';

/** `must` is the beginning of a sentence that ends with what was given. */
export function refused(must: string, given: unknown): BackendError {
  return new BackendError('http_request_error', `${must}, got ${shown(given)}`);
}
