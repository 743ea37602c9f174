/** A client of HTTP/2 with one connection, that sends one request after the other, and may leave at any moment. */

import { connect, constants } from 'node:http2';

/** @typedef {import('../rig/raw-client.mjs').Outcome} Outcome */

export class Http2Client {
  /** @type {import('node:http2').ClientHttp2Session | undefined} */
  #session;
  #port;

  /** @param {number} port */
  constructor(port) {
    this.#port = port;
  }

  close() {
    this.#session?.destroy();
    this.#session = undefined;
  }

  #open() {
    if (this.#session !== undefined && !this.#session.closed && !this.#session.destroyed) return this.#session;
    const session = connect(`http://127.0.0.1:${this.#port}`);
    session.on('error', () => {});
    this.#session = session;
    return session;
  }

  /**
   * @param {import('./requests.mjs').SoakRequest} request
   * @param {{ withinMs: number, leavesAfterMs: number | undefined, pauseMs: number }} how
   * @returns {Promise<Outcome>}
   */
  send({ method, path, fields, body, hasBody, chunked }, { withinMs, leavesAfterMs, pauseMs }) {
    const named = Object.fromEntries(fields.map(([name, value]) => [name.toLowerCase(), value]));
    const length = hasBody && !chunked ? { 'content-length': body.length } : {};
    const stream = this.#open().request(
      { ':method': method, ':path': path, ':authority': 'soak.test', ...named, ...length },
      { endStream: !hasBody },
    );
    if (hasBody) stream.end(body);
    return new Promise((resolve) => {
      /** @type {Record<string, any> | undefined} */
      let head;
      let why = 'closed';
      let isWhole = false;
      /** @type {Buffer[]} */
      const pieces = [];
      /** @type {NodeJS.Timeout[]} */
      const timers = [];
      const end = (/** @type {Outcome} */ outcome) => {
        for (const timer of timers) clearTimeout(timer);
        resolve(outcome);
      };
      stream.on('response', (fields) => {
        head = fields;
      });
      stream.on('data', (piece) => {
        pieces.push(piece);
        if (pauseMs === 0) return;
        stream.pause();
        timers.push(setTimeout(() => stream.resume(), pauseMs));
      });
      stream.on('end', () => {
        isWhole = stream.rstCode === constants.NGHTTP2_NO_ERROR;
      });
      stream.on('error', (error) => {
        why = error.message;
      });
      stream.on('close', () => {
        if (head === undefined || !isWhole || stream.rstCode !== constants.NGHTTP2_NO_ERROR) {
          end({ kind: 'lost', why: `${why}, ${stream.rstCode}`, headSeen: head !== undefined });
          return;
        }
        const { ':status': status, ...rest } = head;
        end({ kind: 'answer', status: Number(status), fields: textOf(rest), body: Buffer.concat(pieces) });
      });
      stream.resume();
      timers.push(setTimeout(() => leave({ kind: 'hung' }), withinMs));
      if (leavesAfterMs !== undefined) timers.push(setTimeout(() => leave({ kind: 'left' }), leavesAfterMs));
      const leave = (/** @type {Outcome} */ outcome) => {
        end(outcome);
        stream.close(constants.NGHTTP2_CANCEL);
      };
    });
  }
}

/**
 * @param {Record<string, any>} fields
 * @returns {Record<string, string>}
 */
function textOf(fields) {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, String(value)]));
}
