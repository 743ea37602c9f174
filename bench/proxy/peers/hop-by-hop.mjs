/** What every careful proxy does with fields: it does not pass on hop-by-hop ones (RFC 9110 §7.6.1). */

const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/**
 * @param {readonly string[]} fields name, value, name, value…
 * @returns {string[]}
 */
export function endToEnd(fields) {
  /** @type {Set<string> | undefined} */
  let named;
  const kept = [];
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at] ?? '';
    const value = fields[at + 1] ?? '';
    const lower = name.toLowerCase();
    if (!HOP_BY_HOP.has(lower)) kept.push(name, value);
    else if (lower === 'connection' && !/^(keep-alive|close)$/i.test(value)) {
      named ??= new Set();
      for (const option of value.split(',')) named.add(option.trim().toLowerCase());
    }
  }
  return named === undefined ? kept : withoutNamed(kept, named);
}

/**
 * @param {readonly string[]} fields
 * @param {ReadonlySet<string>} named
 */
function withoutNamed(fields, named) {
  return fields.filter((_, at) => !named.has((fields[at - (at % 2)] ?? '').toLowerCase()));
}

/** @returns {boolean} */
export function hasBody(/** @type {import('node:http').IncomingMessage} */ request) {
  return request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined;
}
