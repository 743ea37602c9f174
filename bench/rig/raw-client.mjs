/** A client on raw sockets: it sees every byte of a response, can leave at any moment, and never sends a request twice. */

import { connect } from 'node:net';
import { MessageReader } from './raw-message.mjs';

/**
 * @typedef {{ kind: 'answer', status: number, fields: Record<string, string>, body: Buffer }
 *   | { kind: 'lost', why: string, headSeen: boolean }
 *   | { kind: 'hung' }
 *   | { kind: 'left' }} Outcome
 * `lost`: the connection ended before the response was complete. `left`: this client left, as it was told to.
 */

/**
 * When a client leaves: after it has sent that many bytes of its request, that long after it has sent all of them, or after
 * it has read that many bytes of the response.
 * @typedef {{ sent: number } | { afterMs: number } | { received: number }} Leaving
 */

/**
 * @typedef {object} Sending
 * @property {Buffer} bytes of the whole request
 * @property {boolean} [toHead] the request is a HEAD
 * @property {number} [withinMs] after this time without an end, the outcome is `hung`. Default 30,000
 * @property {Leaving | undefined} [leaving]
 * @property {boolean} [byReset] leaves with a RST
 * @property {number} [pauseMs] pauses for that long after each piece of the response
 * @property {number} [pieceBytes] sends the request in pieces
 * @property {number} [expectsAfter] sends no more than that many bytes before a 100
 */

/** One connection of a client. The first request opens it, and later ones open it again if it was lost. */
export class RawClient {
  /** @type {import('node:net').Socket | undefined} */
  #socket;
  #port;
  /** Number of bytes that came while no request was in progress. */
  uninvited = 0;

  /** @param {number} port */
  constructor(port) {
    this.#port = port;
  }

  get open() {
    return this.#socket !== undefined;
  }

  close() {
    this.#socket?.destroy();
    this.#socket = undefined;
  }

  /**
   * @param {Sending} sending
   * @returns {Promise<Outcome>}
   */
  send(sending) {
    const socket = this.#socket ?? connect({ port: this.#port, host: '127.0.0.1', noDelay: true });
    this.#socket = socket;
    return new Promise((resolve) => {
      const exchange = new Exchange(socket, sending, (outcome, reusable) => {
        socket.removeAllListeners('data').removeAllListeners('close');
        if (!reusable) {
          if (sending.byReset === true && outcome.kind === 'left') socket.resetAndDestroy();
          else socket.destroy();
          if (this.#socket === socket) this.#socket = undefined;
        } else {
          socket.on('data', () => {
            this.uninvited += 1;
          });
          socket.on('close', () => {
            if (this.#socket === socket) this.#socket = undefined;
          });
        }
        resolve(outcome);
      });
      exchange.begin();
    });
  }
}

class Exchange {
  #socket;
  #sending;
  #settle;
  #reader;
  #received = 0;
  #over = false;
  #why = 'closed';
  #held = 0; // the first byte that waits for a 100, or 0
  #isSent = false; // the whole request: a server would take the next one for the rest of it
  /** @type {NodeJS.Timeout[]} */
  #timers = [];

  /**
   * @param {import('node:net').Socket} socket
   * @param {Sending} sending
   * @param {(outcome: Outcome, reusable: boolean) => void} settle
   */
  constructor(socket, sending, settle) {
    this.#socket = socket;
    this.#sending = sending;
    this.#settle = settle;
    this.#reader = new MessageReader({
      hasBody: ({ start }) => sending.toHead !== true && !/^HTTP\/1\.. (1|204|304)/.test(start),
      onEnd: ({ start, fields, body }) => {
        const status = Number(start.split(' ')[1]);
        if (status === 100 && this.#held > 0) this.#writeHeld();
        else if (status >= 200) {
          const reusable = this.#isSent && !/close/i.test(fields.connection ?? '') && start.startsWith('HTTP/1.1');
          this.#end({ kind: 'answer', status, fields, body }, reusable);
        }
      },
    });
  }

  begin() {
    const { bytes, leaving, withinMs = 30_000, pieceBytes = bytes.length } = this.#sending;
    const socket = this.#socket;
    socket.removeAllListeners('data').removeAllListeners('close').removeAllListeners('error');
    socket.on('data', (/** @type {Buffer} */ piece) => this.#read(piece));
    socket.on('error', (error) => {
      this.#why = /** @type {NodeJS.ErrnoException} */ (error).code ?? error.message;
    });
    socket.on('close', () => this.#lost());
    socket.on('end', () => this.#lost());
    this.#timer(withinMs, () => this.#end({ kind: 'hung' }, false));
    const until = leaving !== undefined && 'sent' in leaving ? Math.min(leaving.sent, bytes.length) : bytes.length;
    const { expectsAfter = bytes.length } = this.#sending;
    if (expectsAfter < until) {
      this.#held = expectsAfter;
      this.#socket.write(bytes.subarray(0, expectsAfter));
    } else this.#write(0, until, pieceBytes);
  }

  #writeHeld() {
    const from = this.#held;
    this.#held = 0;
    const { bytes, leaving } = this.#sending;
    this.#write(from, leaving !== undefined && 'sent' in leaving ? leaving.sent : bytes.length, bytes.length);
  }

  /**
   * @param {number} from
   * @param {number} until
   * @param {number} pieceBytes
   */
  #write(from, until, pieceBytes) {
    if (this.#over) return;
    const { bytes, leaving } = this.#sending;
    const end = Math.min(from + pieceBytes, until);
    if (end > from) this.#socket.write(bytes.subarray(from, end));
    this.#isSent = end === bytes.length;
    if (end < until) this.#timer(1, () => this.#write(end, until, pieceBytes));
    else if (leaving !== undefined && 'sent' in leaving) this.#timer(2, () => this.#end({ kind: 'left' }, false));
    else if (leaving !== undefined && 'afterMs' in leaving) {
      this.#timer(leaving.afterMs, () => this.#end({ kind: 'left' }, false));
    }
  }

  /** @param {Buffer} piece */
  #read(piece) {
    if (this.#over) return;
    const { leaving, pauseMs = 0 } = this.#sending;
    this.#received += piece.length;
    if (leaving !== undefined && 'received' in leaving && this.#received >= leaving.received) {
      this.#end({ kind: 'left' }, false);
      return;
    }
    try {
      this.#reader.read(piece);
    } catch (error) {
      this.#why = String(error);
      this.#lost();
    }
    if (pauseMs > 0 && !this.#over) {
      this.#socket.pause();
      this.#timer(pauseMs, () => this.#socket.resume());
    }
  }

  #lost() {
    if (this.#over || this.#reader.finish()) return;
    this.#end({ kind: 'lost', why: this.#why, headSeen: this.#reader.message !== undefined }, false);
  }

  /**
   * @param {Outcome} outcome
   * @param {boolean} reusable
   */
  #end(outcome, reusable) {
    if (this.#over) return;
    this.#over = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#socket.removeAllListeners('end');
    // A pause must not last longer than the request that asked for it.
    this.#socket.resume();
    this.#settle(outcome, reusable);
  }

  /**
   * @param {number} ms
   * @param {() => void} call
   */
  #timer(ms, call) {
    this.#timers.push(setTimeout(call, ms));
  }
}
