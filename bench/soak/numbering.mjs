/** Ids of the requests of the soak. Everything in the right answer to a request can be computed from its path, which has the id. */

/**
 * Ids are `t-17` for requests that may be executed twice (they are idempotent), and `o-18` for those that may be executed
 * once. No number is used twice.
 * @param {boolean} idempotent
 * @param {number} number
 */
export function idOf(idempotent, number) {
  return `${idempotent ? 't' : 'o'}-${number}`;
}

export const isIdempotent = (/** @type {string} */ id) => id.startsWith('t-');

/** Whether it is one of the clients' requests. The others are checks of the backend. */
export const isNumbered = (/** @type {string} */ id) => /^[ot]-\d+$/.test(id);

/**
 * The body of a message with this id, in either direction. No part of another message's body fits into it.
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
 * @param {string} path with or without a prefix
 * @returns {{ id: string, bytes: number }}
 */
export function partsOf(path) {
  const [, id = path, bytes = '0'] = /\/([ot]-\d+)\?bytes=(\d+)/.exec(path) ?? [];
  return { id, bytes: Number(bytes) };
}
