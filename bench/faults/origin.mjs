/** The origin of a cell, in its own process: plays one fault, and counts the requests that it executed. */

import { options, serve } from '../rig/parent.mjs';
import { RawServer } from '../rig/raw-server.mjs';
import { bodyOf, partsOf } from '../soak/numbering.mjs';

/** @typedef {import('../rig/raw-server.mjs').RawConnection} Connection */
/** @typedef {import('../rig/raw-server.mjs').RawRequest} Request */
/** @typedef {(connection: Connection, request: Request) => void} Fault */

const IDLE_MS = 40;

/** @type {{ fault: string }} */
const { fault: name } = options();
/** @type {Map<string, number>} */
const executions = new Map();
/** @type {WeakMap<Connection, number>} */
const served = new WeakMap();
let strays = 0;

/** @param {Request} request */
function execute({ id }) {
  executions.set(id, (executions.get(id) ?? 0) + 1);
}

/**
 * The number of this request on its connection, from 1.
 * @param {Connection} connection
 */
function place(connection) {
  const count = (served.get(connection) ?? 0) + 1;
  served.set(connection, count);
  return count;
}

/**
 * @param {Request} request
 * @param {boolean} [chunked]
 */
function answerTo({ path, method }, chunked = false) {
  const { id, bytes } = partsOf(path);
  const body = bodyOf(id, bytes);
  const framing = chunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${body.length}`;
  const head = Buffer.from(`HTTP/1.1 200 OK\r\nX-Request-Id: ${id}\r\nX-Method: ${method}\r\n${framing}\r\n\r\n`);
  if (!chunked) return { head, body };
  const size = Buffer.from(`${body.length.toString(16)}\r\n`);
  return { head, body: Buffer.concat([size, body, Buffer.from('\r\n0\r\n\r\n')]) };
}

/** @type {Fault} */
function answer(connection, request) {
  execute(request);
  const { head, body } = answerTo(request);
  connection.answered();
  connection.write(Buffer.concat([head, body]));
}

/** A response to no request. */
function strayBytes() {
  strays += 1;
  return `HTTP/1.1 200 OK\r\nX-Request-Id: stray-${strays}\r\nContent-Length: 5\r\n\r\nstray`;
}

/** @type {Record<string, Fault>} */
const FAULTS = {
  'idle-close'(connection, request) {
    answer(connection, request);
    connection.whenIdle(IDLE_MS, () => connection.close());
  },
  'idle-408'(connection, request) {
    answer(connection, request);
    connection.whenIdle(IDLE_MS, () => {
      connection.write('HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
      connection.close();
    });
  },
  'silent-close'(connection, request) {
    answer(connection, request);
    if (place(connection) % 3 === 0) connection.close();
  },
  'execute-then-die'(connection, request) {
    if (place(connection) % 5 !== 0) {
      answer(connection, request);
      return;
    }
    execute(request);
    connection.close();
  },
  'reset-then-die'(connection, request) {
    if (place(connection) % 5 !== 0) {
      answer(connection, request);
      return;
    }
    execute(request);
    connection.reset();
  },
  restart: answer,
  'cut-body'(connection, request) {
    const count = place(connection);
    if (count % 4 !== 0) {
      answer(connection, request);
      return;
    }
    execute(request);
    const { head, body } = answerTo(request, count % 8 === 0);
    connection.write(Buffer.concat([head, body.subarray(0, body.length / 2)]));
    setTimeout(() => connection.close(), 2);
  },
  'appended-response'(connection, request) {
    execute(request);
    const { head, body } = answerTo(request);
    const more = place(connection) % 4 === 0 ? [Buffer.from(strayBytes())] : [];
    connection.answered();
    connection.write(Buffer.concat([head, body, ...more]));
  },
  'stray-in-kernel': answer,
  stall(connection, request) {
    if (place(connection) % 10 === 0) execute(request);
    else answer(connection, request);
  },
};

const play = FAULTS[name];
if (play === undefined) throw new Error(`no fault ${name}`);
const server = new RawServer({ onRequest: play });
await server.listen();

serve(
  { port: server.port },
  {
    /** Sends a response that nobody asked for, on every connection that waits for a request. */
    poison() {
      for (const connection of server.connections) if (connection.idle) connection.write(strayBytes());
    },
    async restart(/** @type {number} */ awayMs) {
      server.stop('reset');
      await new Promise((resolve) => setTimeout(resolve, awayMs));
      await server.listen();
    },
    executions: () => [...executions],
  },
);
