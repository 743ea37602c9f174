/** What a method says about a request. This is the only place that decides which methods are idempotent, and which are safe. */

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** True for a token, the grammar of methods and field names (RFC 9110 §5.6.2). */
export function isToken(text: string): boolean {
  return TOKEN.test(text);
}

/**
 * True for methods that may be sent again when the outcome is unknown (RFC 9110 §9.2.2, and QUERY). A whitelist: an unknown method is not
 * idempotent. Methods are case-sensitive (RFC 9110 §9.1), so `get` is not `GET`.
 */
export function isIdempotentMethod(method: string): boolean {
  switch (method) {
    case 'GET':
    case 'HEAD':
    case 'OPTIONS':
    case 'TRACE':
    case 'PUT':
    case 'DELETE':
    case 'QUERY':
      return true;
    default:
      return false;
  }
}

/** True for methods that only ask (RFC 9110 §9.2.1, and QUERY). An unknown method may do anything. */
export function isSafeMethod(method: string): boolean {
  return isIdempotentMethod(method) && method !== 'PUT' && method !== 'DELETE';
}

/** True when the response has no body whatever its fields say (RFC 9112 §6.3, rule 1). */
export function hasNoResponseBody(method: string, status: number): boolean {
  return method === 'HEAD' || status < 200 || status === 204 || status === 304;
}
