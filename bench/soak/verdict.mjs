/** The findings of a soak as lines, and which of them are breaches. */

import { judgeFailure, judgeMixed } from './judge.mjs';

const HEAP_SHARE = 0.2;
const HEAP_BYTES = 6 * 2 ** 20;
// In random settings there may be more connections at once after the warm-up than in it.
const WASM_BYTES = 2 ** 20;
// An event of a busy socket has three or four listeners; with a leak it has hundreds.
const MOST_LISTENERS = 10;

const mib = (/** @type {number} */ bytes) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

/**
 * @param {object} seen
 * @param {import('./journal.mjs').Journal} seen.journal
 * @param {any} seen.warm what the proxy held at rest after the warm-up
 * @param {any} seen.rest the same at the end
 * @param {any} seen.closed the same after `close()`
 * @param {string} seen.ended how the proxy's process ended
 * @param {readonly string[]} seen.broken counts that contradict each other
 * @param {import('./limits.mjs').Limits} seen.limits
 * @returns {{ lines: string[], breaches: string[] }}
 */
export function verdict({ journal, warm, rest, closed, ended, broken, limits }) {
  /** @type {string[]} */
  const breaches = [...broken, ...rest.broken, ...leaks(warm, rest, closed, ended, limits)];
  /** @type {Map<string, number>} */
  const classes = new Map();
  for (const failed of journal.failed) {
    const failure = journal.failures.get(failed.id);
    const harms = journal.harmed.get(failed.id) ?? [];
    const judgement = judgeFailure({ ...failed, failure, harms, limits });
    if (failure?.delivery === 'unsent' && journal.executions.of(failed.id) > 0)
      breaches.push(`${failed.id} was executed, and reported as unsent: ${failure.message}`);
    const { reason, unavoidable } = judgement;
    if (!unavoidable) breaches.push(`${failed.id} (${failed.method}, ${failed.mode}) failed, ${failed.how}: ${reason}`);
    else count(classes, `${failed.how.replace(/lost: .*/, 'connection lost')}: ${reason}`);
  }
  for (const { id, method, got, times } of journal.mixed) {
    const { reason, unavoidable } = judgeMixed(times);
    if (!unavoidable) breaches.push(`${id} (${method}) got ${got}: ${reason}`);
    else count(classes, `somebody else's response: ${reason}`);
  }
  for (const [id, times] of journal.executions.tooMany) breaches.push(`${id} was executed ${times} times`);
  for (const id of journal.hung) breaches.push(`${id} was never answered`);
  if (journal.uninvited > 0) breaches.push(`clients got ${journal.uninvited} pieces that they had not asked for`);
  if (journal.sustained > rest.highest)
    breaches.push(`an origin had ${journal.sustained} connections, of at most ${rest.highest}`);
  if (rest.attempts !== 0) breaches.push(`${rest.attempts} attempts have begun, and not ended`);
  if (!limits.scarce && journal.answered < journal.requests / 2)
    breaches.push('less than half of the requests were answered');
  return {
    lines: [...summary(journal, rest), '', ...failures(classes), '', ...held(warm, rest, closed, ended)],
    breaches,
  };
}

/**
 * @param {import('./journal.mjs').Journal} journal
 * @param {any} rest
 */
function summary(journal, rest) {
  const { counts, stats } = rest;
  const sum = (/** @type {(origin: any) => number} */ of) =>
    stats.origins.reduce((/** @type {number} */ total, /** @type {any} */ origin) => total + of(origin), 0);
  const statuses = Object.entries(journal.statuses).map(([status, times]) => `${times} × ${status}`);
  const { executions } = journal;
  return [
    `requests        ${journal.requests}, of which ${journal.answered} got their own answer and ${journal.left} clients left before`,
    `statuses        ${statuses.join(', ')}`,
    `executions      ${executions.total}; ${executions.twice} idempotent requests twice, nothing more often: ${executions.tooMany.size === 0}`,
    `connections     ${sum((origin) => origin.dialled)} dialled, ${sum((origin) => origin.reused)} of ${sum((origin) => origin.requests)} exchanges on used ones`,
    `behind it       ${counts.resent} re-sends, ${counts.stale} found closed, ${counts.poisoned} poisoned, the event loop blocked ${counts.blocked} times`,
    ...(stats.discovery === null
      ? []
      : [`found           ${stats.discovery.sets} sets of origins; ${stats.discovery.failed} could not be used`]),
    `done to them    ${journal.harms} requests harmed, ${journal.strays} stray responses`,
  ];
}

/** @param {ReadonlyMap<string, number>} classes */
function failures(classes) {
  if (classes.size === 0) return ['No client saw a failure.'];
  const sorted = [...classes].sort(([, one], [, other]) => other - one);
  return [
    'What clients saw, and why it could not be kept from them:',
    ...sorted.map(([name, times]) => `${String(times).padStart(7)}  ${name}`),
  ];
}

/**
 * @param {any} warm
 * @param {any} rest
 * @param {any} closed
 * @param {string} ended
 */
function held(warm, rest, closed, ended) {
  const row = (/** @type {string} */ name, /** @type {any} */ of) =>
    `${name.padEnd(16)}heap ${mib(of.heapUsed)}, WebAssembly ${mib(of.wasm)}, ${of.parsers} parsers, ${of.sockets} sockets to origins, ${of.clients} of clients, ${of.timers} timers, at most ${of.listeners} listeners of a kind`;
  return [row('after warm-up', warm), row('at rest', rest), row('closed', closed), `the process     ${ended}`];
}

/**
 * @param {any} warm
 * @param {any} rest
 * @param {any} closed
 * @param {string} ended
 * @param {import('./limits.mjs').Limits} limits
 */
function leaks(warm, rest, closed, ended, limits) {
  let open = 0;
  let more = 0; // those that checks, and the connections kept open, have now
  for (const { connections } of rest.stats.origins) {
    open += connections.open;
    more += connections.dialling + connections.checking;
  }
  const found = [];
  const allowed = warm.heapUsed + Math.max(HEAP_BYTES, warm.heapUsed * HEAP_SHARE);
  if (rest.heapUsed > allowed) found.push(`the heap grew from ${mib(warm.heapUsed)} to ${mib(rest.heapUsed)}`);
  if (rest.wasm > warm.wasm + (limits.scarce ? WASM_BYTES : 0))
    found.push(`WebAssembly grew from ${mib(warm.wasm)} to ${mib(rest.wasm)}`);
  if (rest.wasm === 0) found.push('WebAssembly could not be seen');
  if (rest.looks === 0) found.push('looks into the kernel could not be seen');
  if (rest.sockets < open || rest.sockets > open + more)
    found.push(`${rest.sockets} sockets to origins at rest, of which ${open} are known`);
  if (rest.parsers < open || rest.parsers > open + more)
    found.push(`${rest.parsers} parsers at rest for ${open} connections`);
  if (rest.listeners > MOST_LISTENERS) found.push(`${rest.listeners} listeners of a kind`);
  for (const warning of rest.counts.warnings) found.push(`Node warned: ${warning}`);
  for (const kind of ['sockets', 'clients', 'timers', 'parsers']) {
    if (closed[kind] !== 0) found.push(`${closed[kind]} ${kind} after close()`);
  }
  if (ended !== 'ended by itself') found.push(`after close() the process ${ended}`);
  return found;
}

/**
 * @param {Map<string, number>} counts
 * @param {string} name
 */
function count(counts, name) {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
