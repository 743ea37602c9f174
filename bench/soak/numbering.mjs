/** How a request of the soak says what it is: everything that must come back can be told from its id. */

/**
 * Ids are `t-17` for what may be executed twice (its method is idempotent) and `o-18` for what may be executed once.
 * No number is used twice.
 * @param {string} method
 * @param {number} number
 */
export function idOf(method, number) {
  return `${method === 'POST' ? 'o' : 't'}-${number}`;
}

/**
 * The body of whatever has this id, in either direction: nothing of another's fits into it.
 * @param {string} id
 * @param {number} bytes
 */
export function bodyOf(id, bytes) {
  const unit = `${id}|`;
  return Buffer.from(unit.repeat(Math.ceil(bytes / unit.length)).slice(0, bytes), 'latin1');
}

/**
 * @param {string} id
 * @param {number} bytes of the response's body
 */
export function pathOf(id, bytes) {
  return `/${id}?bytes=${bytes}`;
}

/**
 * @param {string} path with or without something in front
 * @returns {{ id: string, bytes: number }}
 */
export function partsOf(path) {
  const [, id = path, bytes = '0'] = /\/([ot]-\d+)\?bytes=(\d+)/.exec(path) ?? [];
  return { id, bytes: Number(bytes) };
}
