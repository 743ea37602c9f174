/** Messages that two parsers may read in two ways. */

import { execute, send } from 'pooled-backend/testing';
import { shown, verdict } from '../row.mjs';

const OK = 'HTTP/1.1 200 OK\r\n';

/**
 * The origin sends these bytes. Right is a failure of the gateway, or an answer for which `harmless` returns true.
 * @param {string} name
 * @param {string} why
 * @param {string} bytes
 * @param {(text: string) => boolean} [harmless]
 * @returns {import('../row.mjs').Row}
 */
function badResponse(name, why, bytes, harmless = () => false) {
  return {
    name,
    why,
    rules: [{ steps: [execute(), send(bytes), { do: 'wait', ms: 100 }, { do: 'close' }] }],
    async play(scene) {
      const wire = scene.dial().write('GET / HTTP/1.1\r\nHost: front.test\r\n\r\n');
      await wire.until(() => wire.end !== undefined || wire.text.includes('\r\n\r\n'));
      const { text } = wire;
      const got = await wire.answer();
      const right = got.status >= 500 || (got.status > 0 && harmless(text));
      return verdict(right, text === '' ? shown(got) : 'forwarded');
    },
  };
}

/**
 * A client sends these bytes. Right is a refusal, or exactly one request for which `plain` returns true.
 * @param {string} name
 * @param {string} why
 * @param {string} bytes
 * @param {(request: import('pooled-backend/testing').RequestRecord) => boolean} [plain]
 * @returns {import('../row.mjs').Row}
 */
function badRequest(name, why, bytes, plain = () => false) {
  return {
    name,
    why,
    async play(scene) {
      const got = await scene.ask(bytes, { ms: 700 });
      const { requests } = scene;
      const [request] = requests;
      if (request === undefined)
        return verdict(got.status >= 400 || got.end !== undefined || got.status === 0, shown(got));
      if (requests.length > 1) return `${requests.length} requests`;
      return verdict(plain(request), 'forwarded');
    },
  };
}

const post = (/** @type {string} */ fields, /** @type {string} */ body) =>
  `POST /one HTTP/1.1\r\nHost: front.test\r\n${fields}\r\n\r\n${body}`;
const isHello = (/** @type {import('pooled-backend/testing').RequestRecord} */ { body }) => body.toString() === 'hello';
const isEmpty = (/** @type {import('pooled-backend/testing').RequestRecord} */ { body }) => body.length === 0;

/** @type {import('../row.mjs').Row[]} */
export const strictnessRows = [
  badResponse(
    'response: garbage is 502',
    'The gateway got no valid response (RFC 9110 §15.6.3).',
    'hello world\r\n\r\n',
  ),
  badResponse(
    'response: Content-Length with Transfer-Encoding is not forwarded',
    'It might be an attempt at response splitting and ought to be an error (RFC 9112 §6.3).',
    `${OK}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    (text) => !/content-length/i.test(text),
  ),
  badResponse(
    'response: two different lengths are 502',
    'A proxy must close the connection, discard the response and send 502 (RFC 9112 §6.3).',
    `${OK}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!`,
  ),
  badResponse(
    'response: a folded field is refused or unfolded',
    'A proxy must discard it or replace the fold with spaces (RFC 9112 §5.2).',
    `${OK}X-A: a\r\n b\r\nContent-Length: 2\r\n\r\nok`,
    (text) => /x-a: a +b\r\n/i.test(text),
  ),
  badResponse(
    'response: NUL in a value is refused or replaced',
    'CR, LF and NUL must be rejected or replaced with SP (RFC 9110 §5.5).',
    `${OK}X-A: a\0b\r\nContent-Length: 2\r\n\r\nok`,
    (text) => !text.includes('\0'),
  ),
  badResponse(
    'response: a bare CR in a value is refused or replaced',
    'CR, LF and NUL must be rejected or replaced with SP (RFC 9110 §5.5).',
    `${OK}X-A: a\rb\r\nContent-Length: 2\r\n\r\nok`,
    (text) => !/a\rb/.test(text),
  ),
  badResponse(
    'response: a space before the colon is refused or removed',
    'A proxy must remove it before forwarding (RFC 9112 §5.1).',
    `${OK}X-A : a\r\nContent-Length: 2\r\n\r\nok`,
    (text) => !/x-a :/i.test(text),
  ),
  badResponse(
    'response: a coding that is not understood is refused',
    'Nobody can tell where such a body ends (RFC 9112 §6.1).',
    `${OK}Transfer-Encoding: xchunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
  ),
  badResponse(
    'response: a 101 that nobody asked for is refused',
    'A server must not switch to what the client did not offer (RFC 9110 §7.8).',
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: foo\r\nConnection: Upgrade\r\n\r\n',
  ),
  badResponse(
    'response: a status of two digits is refused',
    'A status code is three digits (RFC 9112 §4).',
    'HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\nok',
  ),
  badResponse(
    'response: HTTP/2.0 on a status line is refused',
    'It is none of the versions that are spoken here (RFC 9112 §2.3).',
    'HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok',
  ),
  badRequest(
    'request: Content-Length with Transfer-Encoding is refused or framed once',
    'Request smuggling: the length must go before it is forwarded (RFC 9112 §6.3).',
    post('Content-Length: 4\r\nTransfer-Encoding: chunked', '5\r\nhello\r\n0\r\n\r\n'),
    (request) => isHello(request) && request.headers['content-length'] !== '4',
  ),
  badRequest(
    'request: two different lengths are refused',
    'The framing is invalid: 400 and close (RFC 9112 §6.3).',
    post('Content-Length: 5\r\nContent-Length: 6', 'hello!'),
  ),
  badRequest(
    'request: chunked twice is refused or framed once',
    'A coding must not be applied twice (RFC 9112 §6.1).',
    post('Transfer-Encoding: chunked, chunked', '0\r\n\r\n'),
    (request) => isEmpty(request) && !/chunked,/.test(request.headers['transfer-encoding'] ?? ''),
  ),
  badRequest(
    'request: an unknown coding is refused',
    'It is 501 or 400, and never forwarded (RFC 9112 §6.1).',
    post('Transfer-Encoding: xchunked', '0\r\n\r\n'),
  ),
  badRequest(
    'request: a length behind a vertical tab is refused',
    'No reader may see a length where another sees none (RFC 9112 §6.3).',
    post('Content-Length: \x0b5', 'hello'),
  ),
  badRequest(
    'request: two Host fields are refused',
    'A server must answer 400 (RFC 9112 §3.2).',
    'GET / HTTP/1.1\r\nHost: front.test\r\nHost: other.test\r\n\r\n',
  ),
  badRequest(
    'request: a Host that is no host is refused',
    'A server must answer 400 (RFC 9112 §3.2).',
    'GET / HTTP/1.1\r\nHost: front.test/path@x\r\n\r\n',
  ),
  badRequest(
    'request: a folded field is refused or unfolded',
    'A server must answer 400 or replace the fold with spaces (RFC 9112 §5.2).',
    'GET / HTTP/1.1\r\nHost: front.test\r\nX-A: a\r\n b\r\n\r\n',
    (request) => /^a +b$/.test(request.headers['x-a'] ?? ''),
  ),
  badRequest(
    'request: NUL in a value is refused',
    'CR, LF and NUL must be rejected or replaced with SP (RFC 9110 §5.5).',
    'GET / HTTP/1.1\r\nHost: front.test\r\nX-A: a\0b\r\n\r\n',
    (request) => !request.headers['x-a']?.includes('\0'),
  ),
];
