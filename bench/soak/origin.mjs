/**
 * One origin of the soak, in its own process: plays one behaviour after the other. Remembers which requests it executed and
 * which it harmed, and when the kernel had each answer that could be taken for the answer to another request.
 */

import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { options, serve } from '../rig/parent.mjs';
import { RawServer } from '../rig/raw-server.mjs';
import { BEHAVIOURS, CALM, echo } from './behaviours.mjs';
import { isNumbered } from './numbering.mjs';
import { Recent } from './recent.mjs';

/** @typedef {import('./behaviours.mjs').Behaviour} Behaviour */

const AWAY_MS = [50, 400];
const SMALL_BYTES = 16_384;
const COUNT_MS = 50;
// A connection that was closed is here until its end was read, which a pause or a busy machine delays.
const COUNTS = 60;

/** @type {{ name: string, behaviour: number, path?: string, certificate?: { cert: string, key: string } }} */
const { name, behaviour: first, path, certificate } = options();
const secure =
  certificate && createSecureContext({ cert: readFileSync(certificate.cert), key: readFileSync(certificate.key) });
let behaviour = /** @type {Behaviour} */ (BEHAVIOURS[first % BEHAVIOURS.length]);
let turn = 0;
let strays = 0;
let over = false;
/** @type {string[]} */
let executed = [];
/** @type {[id: string, fault: string][]} */
let harmed = [];
/** @type {Recent<bigint>} */
const written = new Recent(50_000);

/** @type {import('./behaviours.mjs').Stage} */
const stage = {
  execute({ id }) {
    if (isNumbered(id)) executed.push(id);
  },
  harm: ({ id }, fault) => void harmed.push([id, fault]),
  wrote: (id) => written.set(id, process.hrtime.bigint()),
  strayId() {
    strays += 1;
    return `stray-${name}-${strays}`;
  },
  reset(connection) {
    harmLast(connection);
    connection.reset();
  },
  restart: () => void restart(turn),
  later(ms, call) {
    setTimeout(call, ms);
  },
};

/** @type {import('../rig/raw-server.mjs').RawServerEvents} */
const events = {
  onConnection: (connection) => behaviour.accept?.(stage, connection),
  onHead(connection, request) {
    if (behaviour.head?.(stage, connection, request) === true) connection.answered();
    // Some servers do not know Expect.
    else if (request.fields.expect !== undefined && Math.random() < 0.7)
      connection.write('HTTP/1.1 100 Continue\r\n\r\n');
  },
  onRequest(connection, request) {
    if (request.fields.upgrade === undefined || Math.random() < 0.1) behaviour.request(stage, connection, request);
    else echo(stage, connection, request);
  },
};
const server = new RawServer(events, { path, secure });

/** How many connections there were at the last counts, and the most that there were at all of them. @type {number[]} */
const counts = [];
let sustained = 0;
setInterval(() => {
  counts.push(server.connections.size);
  if (counts.length > COUNTS) counts.shift();
  if (counts.length === COUNTS) sustained = Math.max(sustained, Math.min(...counts));
}, COUNT_MS);

/** A large answer may still be in the kernel, waiting for a slow reader. A reset drops it there. */
function harmLast(/** @type {import('../rig/raw-server.mjs').RawConnection} */ { last }) {
  if (last !== undefined && last.bytes > SMALL_BYTES) stage.harm(last.request, 'reset behind its answer');
}

async function restart(/** @type {number} */ begunIn) {
  if (turn !== begunIn || over) return;
  const how = Math.random() < 0.5 ? 'close' : 'reset';
  for (const connection of server.connections) {
    if (connection.current !== undefined) stage.harm(connection.current, 'restart');
    else if (how === 'reset') harmLast(connection);
  }
  server.stop(how);
  const [least = 0, most = 0] = AWAY_MS;
  await new Promise((resolve) => setTimeout(resolve, least + Math.random() * (most - least)));
  await server.listen();
  if (turn === begunIn) behaviour.begin?.(stage);
}

await server.listen();
behaviour.begin?.(stage);
serve(
  { port: server.port, path },
  {
    /** @param {number} number */
    behave(number) {
      turn += 1;
      behaviour = /** @type {Behaviour} */ (BEHAVIOURS[number % BEHAVIOURS.length]);
      behaviour.begin?.(stage);
    },
    /** From now on this origin behaves well. */
    calm() {
      turn += 1;
      over = true;
      behaviour = CALM;
    },
    /** Returns what happened since the last call. */
    take() {
      const taken = { executed, harmed, strays, sustained };
      executed = [];
      harmed = [];
      return taken;
    },
    /** When the kernel had the answer with this id, in ns; `null` if that is not known any more. */
    writtenAt: (/** @type {string} */ id) => written.get(id)?.toString() ?? null,
  },
);
