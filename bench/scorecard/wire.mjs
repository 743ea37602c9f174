/** A client that writes and reads bare bytes, and what it finds out about an answer. */

import { connect } from 'node:net';

// Long enough for every system that answers at all, short enough for a table of five hundred cells.
const PATIENCE_MS = 1_500;

/**
 * An answer, as far as it was received. `complete`: all of the body is here by its framing; a body that ends with the
 * connection is complete after a FIN.
 * @typedef {object} Answer
 * @property {number} status 0 if there is no answer
 * @property {string} head as received
 * @property {string} body without chunk sizes
 * @property {string} trailers
 * @property {boolean} complete
 * @property {'fin' | 'rst' | undefined} end how the connection ended
 * @property {number[]} interim statuses of the interim responses before it
 */

export class Wire {
  /** All that was received, as latin1. */
  text = '';
  /** @type {'fin' | 'rst' | undefined} */
  end;
  #socket;
  #wake = () => {};

  /** @param {number} port */
  constructor(port) {
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.#socket.on('data', (bytes) => {
      this.text += bytes.toString('latin1');
      this.#wake();
    });
    this.#socket.on('end', () => this.#ended('fin'));
    this.#socket.on('error', () => this.#ended('rst'));
    this.#socket.on('close', () => this.#ended('fin'));
  }

  /** @param {string} text latin1 */
  write(text) {
    if (!this.#socket.destroyed) this.#socket.write(text, 'latin1');
    return this;
  }

  /** Closes the writing half of the connection. */
  finish() {
    this.#socket.end();
  }

  /** Leaves at once, by a FIN. */
  leave() {
    this.#socket.destroy();
  }

  /**
   * Waits until `holds` returns true. Resolves to whether that happened in time.
   * @param {() => boolean} holds
   */
  until(holds, ms = PATIENCE_MS) {
    return new Promise((/** @type {(became: boolean) => void} */ resolve) => {
      const settle = (/** @type {boolean} */ became) => {
        clearTimeout(timer);
        this.#wake = () => {};
        resolve(became);
      };
      const timer = setTimeout(() => settle(holds()), ms);
      this.#wake = () => holds() && settle(true);
      this.#wake();
    });
  }

  /**
   * Reads the next answer with its interim responses. Bytes after it stay.
   * @param {{ toHead?: boolean, ms?: number }} [how]
   */
  async answer({ toHead = false, ms } = {}) {
    await this.until(() => readAnswer(this.text, toHead, this.end)?.complete === true || this.end !== undefined, ms);
    const found = readAnswer(this.text, toHead, this.end);
    if (found?.complete === true) this.text = this.text.slice(found.used);
    return found ?? none(this.end);
  }

  /** @param {'fin' | 'rst'} how */
  #ended(how) {
    this.end ??= how;
    this.#wake();
  }
}

/** @param {'fin' | 'rst' | undefined} end */
function none(end) {
  return { status: 0, head: '', body: '', trailers: '', complete: false, end, interim: [], used: 0 };
}

/**
 * @param {string} text
 * @param {boolean} toHead
 * @param {'fin' | 'rst' | undefined} end
 * @returns {(Answer & { used: number }) | undefined}
 */
function readAnswer(text, toHead, end) {
  /** @type {number[]} */
  const interim = [];
  let from = 0;
  for (;;) {
    const headEnd = text.indexOf('\r\n\r\n', from);
    if (headEnd < 0) return interim.length === 0 ? undefined : { ...none(end), interim };
    const head = text.slice(from, headEnd + 2);
    const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1] ?? 0);
    from = headEnd + 4;
    if (status >= 100 && status < 200 && status !== 101) {
      interim.push(status);
      continue;
    }
    const bare = toHead || status === 101 || status === 204 || status === 304;
    const body = bare ? { body: '', trailers: '', complete: true, used: from } : readBody(text, from, head, end);
    return { status, head, interim, end, ...body };
  }
}

/**
 * @param {string} text
 * @param {number} from
 * @param {string} head
 * @param {'fin' | 'rst' | undefined} end
 */
function readBody(text, from, head, end) {
  if (/\r\ntransfer-encoding:.*chunked/i.test(head)) return readChunks(text, from);
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (length === undefined) {
    return { body: text.slice(from), trailers: '', complete: end === 'fin', used: text.length };
  }
  const body = text.slice(from, from + Number(length));
  return { body, trailers: '', complete: body.length === Number(length), used: from + body.length };
}

/**
 * @param {string} text
 * @param {number} from
 */
function readChunks(text, from) {
  let body = '';
  for (let at = from; ; ) {
    const lineEnd = text.indexOf('\r\n', at);
    const size = lineEnd < 0 ? Number.NaN : Number.parseInt(text.slice(at, lineEnd), 16);
    if (Number.isNaN(size)) return { body, trailers: '', complete: false, used: text.length };
    if (size === 0) {
      const end = text.indexOf('\r\n\r\n', lineEnd);
      return { body, trailers: text.slice(lineEnd + 2, end + 2), complete: end >= 0, used: end + 4 };
    }
    body += text.slice(lineEnd + 2, lineEnd + 2 + size);
    at = lineEnd + 2 + size + 2;
  }
}
