/** Reads HTTP/1.1 messages from the bytes of a connection, for clients and servers that misbehave at any byte. */

/**
 * @typedef {object} Message
 * @property {string} start the request line or the status line
 * @property {Record<string, string>} fields by lower-case name; the last one of repeated fields
 * @property {Buffer} body all of it once the message is complete
 */

const LINE_END = Buffer.from('\r\n');

/** Tolerant: this is no test of the peer's framing. Throws for bytes that it cannot read at all. */
export class MessageReader {
  /** @type {Message | undefined} */
  #message;
  /** @type {Buffer[]} */
  #pieces = [];
  #head = '';
  /** @type {'head' | 'length' | 'size' | 'chunk' | 'trailers' | 'until-close'} */
  #state = 'head';
  #left = 0;
  #line = '';
  #onHead;
  #onEnd;
  #hasBody;

  /**
   * @param {object} events
   * @param {(message: Message) => void} [events.onHead]
   * @param {(message: Message) => void} events.onEnd
   * @param {(message: Message) => boolean} [events.hasBody] `false` means no body, whatever the fields say
   */
  constructor({ onHead = () => {}, onEnd, hasBody = () => true }) {
    this.#onHead = onHead;
    this.#onEnd = onEnd;
    this.#hasBody = hasBody;
  }

  /** Whether a message has begun and is not complete. */
  get midMessage() {
    return this.#state !== 'head' || this.#head !== '';
  }

  /** The message that has begun, once its head is complete. */
  get message() {
    return this.#message;
  }

  /** @param {Buffer} bytes */
  read(bytes) {
    let at = 0;
    while (at < bytes.length) at = this.#step(bytes, at);
  }

  /** The other end has closed. Returns true if that completed a message whose body ends with the connection. */
  finish() {
    if (this.#state !== 'until-close') return false;
    this.#end();
    return true;
  }

  /**
   * @param {Buffer} bytes
   * @param {number} at
   * @returns {number}
   */
  #step(bytes, at) {
    switch (this.#state) {
      case 'head':
        return this.#takeHead(bytes, at);
      case 'length':
      case 'chunk':
        return this.#takeBody(bytes, at);
      case 'size':
        return this.#takeLine(bytes, at, (line) => {
          this.#left = Number.parseInt(line, 16);
          if (Number.isNaN(this.#left)) throw new Error(`a chunk size of ${JSON.stringify(line)}`);
          this.#state = this.#left === 0 ? 'trailers' : 'chunk';
        });
      case 'trailers':
        return this.#takeLine(bytes, at, (line) => {
          if (line === '') this.#end();
        });
      case 'until-close':
        this.#pieces.push(bytes.subarray(at));
        return bytes.length;
    }
  }

  /**
   * @param {Buffer} bytes
   * @param {number} at
   */
  #takeHead(bytes, at) {
    const before = this.#head.length;
    this.#head += bytes.toString('latin1', at);
    const end = this.#head.indexOf('\r\n\r\n');
    if (end === -1) return bytes.length;
    const next = at + end + 4 - before;
    const [start = '', ...lines] = this.#head.slice(0, end).split('\r\n');
    /** @type {Record<string, string>} */
    const fields = {};
    for (const line of lines) {
      const colon = line.indexOf(':');
      fields[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
    }
    const message = { start, fields, body: Buffer.alloc(0) };
    this.#head = '';
    this.#message = message;
    this.#frame(message);
    this.#onHead(message);
    if (this.#state === 'head') this.#end();
    return next;
  }

  /** @param {Message} message */
  #frame(message) {
    const { fields, start } = message;
    if (!this.#hasBody(message)) return;
    if (fields['transfer-encoding'] !== undefined) this.#state = 'size';
    else if (fields['content-length'] !== undefined) {
      this.#left = Number(fields['content-length']);
      if (this.#left > 0) this.#state = 'length';
    } else if (start.startsWith('HTTP/')) this.#state = 'until-close';
  }

  /**
   * @param {Buffer} bytes
   * @param {number} at
   */
  #takeBody(bytes, at) {
    const end = Math.min(bytes.length, at + this.#left);
    this.#pieces.push(bytes.subarray(at, end));
    this.#left -= end - at;
    if (this.#left > 0) return end;
    if (this.#state === 'length') this.#end();
    else this.#state = 'size'; // the line end after the chunk is read as an empty line before the next size
    return end;
  }

  /**
   * @param {Buffer} bytes
   * @param {number} at
   * @param {(line: string) => void} take
   */
  #takeLine(bytes, at, take) {
    const found = bytes.indexOf(0x0a, at);
    const end = found === -1 ? bytes.length : found + 1;
    this.#line += bytes.toString('latin1', at, end);
    if (found === -1) return end;
    const line = this.#line.slice(0, -LINE_END.length);
    this.#line = '';
    if (this.#state !== 'size' || line !== '') take(line);
    return end;
  }

  #end() {
    const message = this.#message;
    if (message === undefined) return;
    message.body = Buffer.concat(this.#pieces);
    this.#pieces = [];
    this.#state = 'head';
    this.#message = undefined;
    this.#onEnd(message);
  }
}
