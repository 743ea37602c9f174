/** The six ways in which an origin of the soak misbehaves. Each tells its origin which request it harmed, and how. */

import { bodyOf, partsOf } from './numbering.mjs';

/** @typedef {import('../rig/raw-server.mjs').RawConnection} Connection */
/** @typedef {import('../rig/raw-server.mjs').RawRequest} Request */

/**
 * What a behaviour needs from its origin.
 * @typedef {object} Stage
 * @property {(request: Request) => void} execute
 * @property {(request: Request, fault: string) => void} harm notes that the request will not get a whole answer of its own
 * @property {(id: string) => void} wrote notes that the kernel has the answer with this id
 * @property {() => string} strayId a new id for a stray response
 * @property {(connection: Connection) => void} reset ends a connection; bytes that have not left the kernel are lost
 * @property {() => void} restart stops the server for a while
 * @property {(ms: number, call: () => void) => void} later
 */

/**
 * @typedef {object} Behaviour
 * @property {string} name
 * @property {(stage: Stage) => void} [begin] called once, when the behaviour begins
 * @property {(stage: Stage, connection: Connection) => void} [accept]
 * @property {(stage: Stage, connection: Connection, request: Request) => boolean} [head] true if nothing more follows
 * @property {(stage: Stage, connection: Connection, request: Request) => void} request
 */

const chance = (/** @type {number} */ share) => Math.random() < share;
const between = (/** @type {number} */ least, /** @type {number} */ most) => least + Math.random() * (most - least);
const oneOf = (/** @type {readonly string[]} */ words) => words[Math.floor(Math.random() * words.length)] ?? '';

/**
 * The right answer to a request, as bytes.
 * @param {Request} request
 * @param {string[]} [lines] more field lines
 */
function answerTo(request, lines = []) {
  const { id, bytes } = partsOf(request.path);
  const intact = request.body.equals(bodyOf(id, request.body.length));
  const status = request.method === 'DELETE' ? 204 : chance(0.02) ? 503 : 200;
  const body = status === 204 ? Buffer.alloc(0) : bodyOf(id, bytes);
  const chunked = status !== 204 && chance(0.3);
  const head = [
    `HTTP/1.1 ${status} ${status === 503 ? 'Busy' : 'Fine'}`,
    `X-Request-Id: ${id}`,
    `X-Got: ${request.body.length} ${intact ? 'intact' : 'mixed'}`,
    ...(status === 204 ? [] : [chunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${body.length}`]),
    ...lines,
  ];
  const framed = request.method === 'HEAD' ? Buffer.alloc(0) : chunked ? inChunks(body) : body;
  return { head: Buffer.from(`${head.join('\r\n')}\r\n\r\n`, 'latin1'), body: framed };
}

/** @param {Buffer} body */
function inChunks(body) {
  const size = Math.ceil(between(1, 20_000));
  const pieces = [];
  for (let at = 0; at < body.length; at += size) {
    const piece = body.subarray(at, at + size);
    pieces.push(Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n'));
  }
  return Buffer.concat([...pieces, Buffer.from('0\r\n\r\n')]);
}

/**
 * Executes and answers correctly.
 * @param {Stage} stage
 * @param {Connection} connection
 * @param {Request} request
 * @param {string[]} [lines]
 */
function serve(stage, connection, request, lines) {
  stage.execute(request);
  finish(stage, connection, request, lines);
}

/**
 * @param {Stage} stage
 * @param {Connection} connection
 * @param {Request} request
 * @param {string[]} [lines]
 */
function finish(stage, connection, request, lines) {
  const { head, body } = answerTo(request, lines);
  connection.answered(head.length + body.length);
  connection.write(Buffer.concat([head, body]), () => stage.wrote(request.id));
}

/** @type {Behaviour} */
const idleCloser = {
  name: 'idle closer',
  accept: (_, connection) => connection.whenIdle(between(5, 80), () => connection.close()),
  request(stage, connection, request) {
    serve(stage, connection, request);
    connection.whenIdle(between(0, 60), () => (chance(0.5) ? connection.close() : stage.reset(connection)));
  },
};

/** @type {Behaviour} */
const restarter = {
  name: 'restarter',
  begin: (stage) => stage.later(between(300, 1500), () => stage.restart()),
  request(stage, connection, request) {
    stage.execute(request);
    stage.later(between(0, 15), () => {
      if (!connection.gone) finish(stage, connection, request);
    });
  },
};

/** @type {Behaviour} */
const liar = {
  name: 'liar about keep-alive',
  request(stage, connection, request) {
    const lie = oneOf(['long', 'close', 'max', 'none', 'none']);
    if (lie === 'long') {
      serve(stage, connection, request, ['Keep-Alive: timeout=120, max=1000']);
      connection.close();
    } else if (lie === 'close') {
      serve(stage, connection, request, ['Connection: close']); // but the connection stays open
    } else if (lie === 'max') {
      serve(stage, connection, request, [`Keep-Alive: timeout=5, max=3`]);
      connection.whenIdle(between(0, 3), () => connection.close());
    } else serve(stage, connection, request);
  },
};

/** @type {Behaviour} */
const resetThrower = {
  name: 'reset thrower',
  accept(stage, connection) {
    if (chance(0.02)) stage.reset(connection);
  },
  head(stage, connection, request) {
    if (!chance(0.02)) return false;
    stage.harm(request, 'reset before it was executed');
    stage.reset(connection);
    return true;
  },
  request(stage, connection, request) {
    if (chance(0.8)) {
      serve(stage, connection, request);
      return;
    }
    const { head, body } = answerTo(request);
    const end = () => (chance(0.5) ? stage.reset(connection) : connection.close());
    stage.execute(request);
    const moment = oneOf(['no byte', 'half a head', 'half a body']);
    stage.harm(request, `executed, ${moment} answered`);
    if (moment === 'half a head') connection.write(head.subarray(0, Math.ceil(between(1, head.length - 1))));
    if (moment === 'half a body') connection.write(Buffer.concat([head, body.subarray(0, body.length / 2)]));
    if (moment === 'no byte') end();
    else stage.later(between(0, 10), end);
  },
};

/** @type {Behaviour} */
const slow = {
  name: 'slow one',
  head(stage, connection) {
    if (!chance(0.05)) return false;
    connection.socket.pause();
    stage.later(between(50, 300), () => connection.socket.resume());
    return false;
  },
  request(stage, connection, request) {
    stage.execute(request);
    if (chance(0.004)) {
      stage.harm(request, 'never answered');
      return;
    }
    if (chance(0.1)) connection.write('HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n');
    const { head, body } = answerTo(request);
    const bytes = Buffer.concat([head, body]);
    const stalls = body.length > 2 && chance(0.01);
    if (stalls) stage.harm(request, 'stalled in its body');
    const pieces = chance(0.1) ? Math.min(bytes.length, 30) : 1;
    const size = Math.ceil(bytes.length / pieces);
    const send = (/** @type {number} */ at) => {
      if (connection.gone) return;
      if (stalls && at + size >= bytes.length) {
        connection.write(bytes.subarray(at, bytes.length - 1));
        return;
      }
      if (at + size >= bytes.length) connection.answered(bytes.length);
      const isLast = at + size >= bytes.length;
      connection.write(bytes.subarray(at, at + size), () => isLast && stage.wrote(request.id));
      if (!isLast) stage.later(between(0, 5), () => send(at + size));
    };
    stage.later(between(0, 150), () => send(0));
  },
};

/**
 * A response that nobody asked for. Its id distinguishes it from all others.
 * @param {Stage} stage
 * @param {Connection} connection
 * @param {number} [status]
 */
function stray(stage, connection, status = 200) {
  const id = stage.strayId();
  connection.write(`HTTP/1.1 ${status} Stray\r\nX-Request-Id: ${id}\r\nContent-Length: 5\r\n\r\nstray`, () =>
    stage.wrote(id),
  );
}

/** @type {Behaviour} */
const poisoner = {
  name: 'poisoner',
  accept(stage, connection) {
    if (chance(0.02)) stray(stage, connection);
  },
  request(stage, connection, request) {
    if (chance(0.02)) {
      stage.execute(request);
      stage.harm(request, 'answered with what is not HTTP');
      connection.answered();
      connection.write('220 mail.example ESMTP ready\r\n');
      return;
    }
    serve(stage, connection, request);
    if (chance(0.7)) return;
    const poison = oneOf(['at once', 'soon', 'when idle', 'timeout']);
    if (poison === 'at once') stray(stage, connection);
    else if (poison === 'soon') setImmediate(() => stray(stage, connection));
    else if (poison === 'when idle') connection.whenIdle(between(0, 20), () => stray(stage, connection));
    else {
      connection.whenIdle(between(5, 30), () => {
        stray(stage, connection, 408);
        connection.close();
      });
    }
  },
};

/**
 * Switches to another protocol, which sends everything back. Some connections break off in it.
 * @param {Stage} stage
 * @param {Connection} connection
 * @param {Request} request
 */
export function echo(stage, connection, request) {
  stage.execute(request);
  connection.switch((bytes) => {
    connection.socket.write(bytes);
    if (!chance(0.05)) return;
    stage.harm(request, 'broke off after the switch');
    stage.reset(connection);
  });
  connection.write(
    `HTTP/1.1 101 Switching\r\nX-Request-Id: ${request.id}\r\nConnection: Upgrade\r\nUpgrade: soak\r\n\r\n`,
  );
}

/** @type {Behaviour} */
export const CALM = { name: 'calm', request: (stage, connection, request) => serve(stage, connection, request) };

/** @type {readonly Behaviour[]} */
export const BEHAVIOURS = [idleCloser, restarter, liar, resetThrower, slow, poisoner];
