/** Checks the fields that a hook returns: no compiler may have done so. */

import { BackendError } from '../errors.js';
import { checkField, endToEndFields } from '../http1/fields.js';

/**
 * Returns the end-to-end ones of the given fields. A number is sent as text, and `undefined` as a value leaves the field out.
 * @throws BackendError `proxy_internal_error` for what is not a flat list of fields. Neither the client nor the origin is to blame for it.
 */
export function hookedFields(hook: string, given: unknown): string[] {
  const kept = endToEndFields(flatList(hook, given));
  for (let i = 0; i < kept.length; i += 2) checkHooked(hook, kept[i] ?? '', kept[i + 1] ?? '');
  return kept;
}

function flatList(hook: string, given: unknown): string[] {
  if (!Array.isArray(given)) throw notFlat(hook, `a value of type ${typeof given}`);
  if (given.length % 2 !== 0) throw notFlat(hook, `a list of ${given.length} items`);
  const fields: string[] = [];
  for (let i = 0; i < given.length; i += 2) {
    const name: unknown = given[i];
    const value: unknown = given[i + 1];
    if (typeof name !== 'string') throw notFlat(hook, `a name of type ${typeof name}`);
    if (typeof value === 'string' || typeof value === 'number') fields.push(name, String(value));
    else if (value !== undefined) throw notFlat(hook, `for ${JSON.stringify(name)} a value of type ${typeof value}`);
  }
  return fields;
}

function checkHooked(hook: string, name: string, value: string): void {
  try {
    checkField(name, value);
  } catch (cause) {
    throw new BackendError('proxy_internal_error', `the ${hook} hook gave a field that cannot be sent`, { cause });
  }
}

function notFlat(hook: string, what: string): BackendError {
  return new BackendError(
    'proxy_internal_error',
    `the ${hook} hook gave ${what}: it must give a flat list of strings: name, value, name, value…`,
  );
}
