/**
 * The least that a relay on node:http costs: one write and one read on a kept socket, and the answer cut out of that one read. It asks
 * nothing, bounds nothing, times nothing, and breaks on every answer but the small one of this case. Like pooled-backend, it writes at
 * the end of a turn of the event loop, because writes that follow one another wake their readers once.
 */

import { createServer } from 'node:http';
import { connect } from 'node:net';
import { listen } from '../../rig/listen.mjs';
import { measured } from '../../rig/measured.mjs';
import { options, serve } from '../../rig/parent.mjs';

/** @type {{ origins: string[], maxConnections: number }} */
const { origins, maxConnections } = options();
const { hostname, port, host } = new URL(origins[0] ?? '');

/** @typedef {{ request: import('node:http').IncomingMessage, response: import('node:http').ServerResponse }} Waiting */

/** @type {Line[]} */
const idle = [];
/** @type {Waiting[]} */
const waiting = [];
let opened = 0;

/** @type {(() => void)[]} */
let due = [];

function atTurnEnd(/** @type {() => void} */ write) {
  if (due.push(write) === 1) setImmediate(writeAll);
}

function writeAll() {
  const writes = due;
  due = [];
  for (const write of writes) write();
}

/** One connection to the origin, which carries one request at a time. */
class Line {
  /** @type {Waiting | undefined} */
  #carries;
  #window = Buffer.allocUnsafeSlow(65_536);
  #socket = connect({
    port: Number(port),
    host: hostname,
    noDelay: true,
    onread: { buffer: this.#window, callback: (count) => this.#answered(count) },
  });

  send(/** @type {Waiting} */ one) {
    this.#carries = one;
    const { method, url, rawHeaders } = one.request;
    let head = `${method} ${url} HTTP/1.1\r\n`;
    for (let at = 0; at < rawHeaders.length; at += 2) {
      const name = rawHeaders[at] ?? '';
      head += `${name}: ${name === 'Host' ? host : rawHeaders[at + 1]}\r\n`;
    }
    atTurnEnd(() => this.#socket.write(`${head}\r\n`, 'latin1'));
  }

  #answered(/** @type {number} */ count) {
    const text = this.#window.toString('latin1', 0, count);
    const end = text.indexOf('\r\n\r\n');
    const [, ...lines] = text.slice(0, end).split('\r\n');
    const fields = lines.flatMap((/** @type {string} */ line) => {
      const colon = line.indexOf(':');
      return line.startsWith('Connection') ? [] : [line.slice(0, colon), line.slice(colon + 2)];
    });
    const { response } = /** @type {Waiting} */ (this.#carries);
    atTurnEnd(() => response.writeHead(Number(text.slice(9, 12)), fields).end(text.slice(end + 4), 'latin1'));
    const next = waiting.shift();
    if (next === undefined) idle.push(this);
    else this.send(next);
    return true;
  }
}

const server = createServer((request, response) => {
  if (idle.length === 0 && opened < maxConnections) {
    opened += 1;
    idle.push(new Line());
  }
  const line = idle.pop();
  if (line === undefined) waiting.push({ request, response });
  else line.send({ request, response });
});
serve({ port: await listen(server) }, measured);
