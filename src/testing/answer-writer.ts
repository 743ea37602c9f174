/**
 * Turns the answers of a scripted origin into bytes.
 *
 * The source text of the class is copied into a worker thread. So this file imports types only, and its class uses
 * nothing outside itself.
 */

import type { Answer, AnswerFields, Bytes } from './answer.js';

export class AnswerWriter {
  readonly #reasons: Readonly<Record<number, string>> = {
    100: 'Continue',
    101: 'Switching Protocols',
    103: 'Early Hints',
    200: 'OK',
    204: 'No Content',
    304: 'Not Modified',
    408: 'Request Timeout',
    500: 'Internal Server Error',
    503: 'Service Unavailable',
  };

  /** An interim response. */
  inform(status: number, fields: AnswerFields): Buffer {
    return Buffer.from(`${this.#statusLine({ status })}${this.#fields(fields)}\r\n`, 'latin1');
  }

  /** A final response, cut off where `answer` says so. `toHead`: the request was a HEAD, so there is no body. */
  answer(answer: Answer, toHead: boolean): Buffer {
    const pieces = this.#pieces(answer.body);
    const framing = answer.framing ?? (this.#isBodiless(answer.status ?? 200) ? 'none' : 'length');
    const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
    const head = Buffer.from(
      this.#statusLine(answer) +
        this.#fields(answer.fields ?? {}) +
        this.#keepAlive(answer.keepAlive) +
        (framing === 'length' ? `Content-Length: ${length}\r\n` : '') +
        (framing === 'chunked' ? 'Transfer-Encoding: chunked\r\n' : '') +
        '\r\n',
      'latin1',
    );
    const body = toHead ? [] : framing === 'chunked' ? this.#chunks(pieces, answer.trailers ?? {}) : pieces;
    const after = this.#pieces(answer.append);
    const all = Buffer.concat([head, ...body, ...after]);
    const cutAt = answer.cutBodyAt === undefined ? answer.cutAt : head.length + answer.cutBodyAt;
    return cutAt === undefined ? all : all.subarray(0, cutAt);
  }

  #statusLine(answer: Answer): string {
    const status = answer.status ?? 200;
    return `HTTP/${answer.version ?? '1.1'} ${status} ${answer.reason ?? this.#reasons[status] ?? ''}\r\n`;
  }

  #fields(fields: AnswerFields): string {
    return Object.entries(fields)
      .flatMap(([name, value]) => (typeof value === 'string' ? [value] : value).map((one) => `${name}: ${one}\r\n`))
      .join('');
  }

  #keepAlive(hint: Answer['keepAlive']): string {
    if (hint === undefined) return '';
    const given = Object.entries(hint).filter(([, value]) => value !== undefined);
    const parts = given.map(([name, value]) => `${name}=${value}`);
    return `Keep-Alive: ${parts.join(', ')}\r\n`;
  }

  #isBodiless(status: number): boolean {
    return status < 200 || status === 204 || status === 304;
  }

  #pieces(body: Bytes | readonly Bytes[] | undefined): Uint8Array[] {
    if (body === undefined) return [];
    const pieces = typeof body === 'string' || body instanceof Uint8Array ? [body] : body;
    return pieces.map((piece) => (typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece));
  }

  #chunks(pieces: readonly Uint8Array[], trailers: AnswerFields): Uint8Array[] {
    const chunks = pieces
      .filter((piece) => piece.length > 0) // an empty chunk would be the last one
      .flatMap((piece) => [Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n')]);
    return [...chunks, Buffer.from(`0\r\n${this.#fields(trailers)}\r\n`, 'latin1')];
  }
}
