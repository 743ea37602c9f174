/** Decides whether the proxy could have kept a failure from a client, and gives the reason: a pure function of facts. */

import { isIdempotent } from './numbering.mjs';

/**
 * A failure as the backend reported it.
 * @typedef {object} Failure
 * @property {string} id
 * @property {string} code
 * @property {string} delivery
 * @property {string} message
 * @property {{ phase: string, reused: boolean, sent: string, received: string, cause?: string }[]} attempts
 * @property {'fail' | 'refuse'} event
 * @property {number} waitedMs for connections
 * @property {number} durationMs
 * @property {string} [thrown] message of the cause
 */

/**
 * @typedef {object} Facts
 * @property {string} id
 * @property {string} mode
 * @property {string} how what the client saw
 * @property {number} bodyBytes length of the request's body
 * @property {Failure | undefined} failure
 * @property {readonly string[]} harms what the origins say they did to this request
 * @property {import('./limits.mjs').Limits} limits
 */

/**
 * All times in ns, on the clock of the machine.
 * @typedef {object} Times
 * @property {readonly (readonly [checkedAt: string, writtenAt: string])[]} writes of the request that got the wrong response
 * @property {string | null} arrivedAt when the wrong response was in the kernel
 */

/**
 * @typedef {{ unavoidable: true, reason: string } | { unavoidable: false, reason: string }} Judgement
 */

const TIMEOUTS = new Set(['http_response_timeout', 'connection_read_timeout', 'connection_write_timeout']);
const NOT_HTTP = /^http_(protocol_error|response_(incomplete|header|trailer|transfer))/;
const WAITED = /^waited \d+ ms for a connection/;

/**
 * @param {Facts} facts
 * @returns {Judgement}
 */
export function judgeFailure({ id, mode, how, bodyBytes, failure, harms, limits }) {
  // A reset overtakes what was written before, the 101 included.
  if (mode === 'tunnel' && /^(truncated|status lost)/.test(how) && harms.length > 0)
    return unavoidable('the origin broke off its tunnel');
  if (failure === undefined) return avoidable(`${how}, and the backend reported no failure`);
  const { code, attempts, delivery, message, durationMs } = failure;
  const sent = attempts.filter((attempt) => attempt.sent !== 'nothing');
  const last = attempts.at(-1);
  if (code === 'proxy_internal_error' && failure.thrown === limits.thrown) return unavoidable('a hook threw');
  if (limits.shortTimeouts && TIMEOUTS.has(code)) return unavoidable('a timeout of this setting passed');
  if (limits.scarce && (code === 'connection_limit_reached' || WAITED.test(message))) return judgeWait(failure, limits);
  if (durationMs >= limits.requestTimeout) return unavoidable('lost, and its time was over');
  if (TIMEOUTS.has(code)) {
    return unavoidable(
      harms.length > 0
        ? 'the origin never answered, or not to the end'
        : 'an origin was silent for longer than the timeouts allow',
    );
  }
  if (last?.phase === 'response-body' || delivery === 'answered') {
    return harms.length > 0
      ? unavoidable('the origin broke off its body, when its head had gone on to the client')
      : avoidable(`broken off, and no origin says so: ${message}`);
  }
  if (limits.maxAttempts === 1) return unavoidable('lost, and this setting sends nothing again');
  // With TLS, a listener of `attempt` makes a new connection wait, and it may be closed meanwhile.
  if (limits.secure && sent.length < attempts.length && attempts.length >= limits.maxAttempts)
    return unavoidable('it had no attempt left: some were lost before the first write');
  if (sent.length === 0) return avoidable(`never sent: ${message}`);
  if (NOT_HTTP.test(code) && last?.received !== 'nothing') return unavoidable('what came is not a response');
  if (mode === 'tunnel') return unavoidable('an upgrade was lost: it is never sent again');
  if (!isIdempotent(id)) return unavoidable('sent, then lost: it may have been executed, so it is not sent again');
  if (sent.length > 1) return unavoidable('lost twice: an idempotent request is sent again once');
  if (bodyBytes > keptBytes(mode, limits)) return unavoidable('its body is longer than what is kept to send again');
  if (NOT_HTTP.test(code)) return unavoidable('what came is not a response');
  if (limits.smallBudget) return unavoidable('lost, and the budget for sending again may have been spent');
  return avoidable(`sent once, could have been sent again: ${code}, ${message}`);
}

/**
 * What waited for a connection may be refused at once if the queue is full or too slow. Otherwise it waits as long as it may, and
 * no longer.
 * @param {Failure} failure
 * @param {import('./limits.mjs').Limits} limits
 * @returns {Judgement}
 */
function judgeWait({ code, event, waitedMs, message }, { queueTimeout }) {
  if (waitedMs > queueTimeout + LATE_MS) return avoidable(`waited ${waitedMs} ms for a connection: ${message}`);
  if (event === 'fail' && WAITED.test(message) && waitedMs < queueTimeout - 1)
    return avoidable(`failed after ${waitedMs} ms of waiting too early: ${message}`);
  return unavoidable(`no connection in time: ${code}`);
}

/**
 * @param {string} mode
 * @param {import('./limits.mjs').Limits} limits
 */
function keptBytes(mode, { replayBytes, bufferedBytes }) {
  return ['fresh', 'verified', 'any'].includes(mode) ? Math.max(replayBytes, bufferedBytes) : replayBytes;
}

// As long as a busy machine may be late.
const LATE_MS = 4000;

/**
 * Judges a response that belonged to another request, or to none. With HTTP/1.1, a stray response that comes between a request
 * and its answer looks like the answer. But a stray response that was in the kernel when the library checked the connection,
 * before it sent the request, can be recognised.
 * @param {Times} times
 * @returns {Judgement}
 */
export function judgeMixed({ writes, arrivedAt }) {
  const last = writes.at(-1);
  if (last === undefined || arrivedAt === null) return avoidable('nobody knows when it came');
  const [checkedAt, writtenAt] = last;
  const earlyMs = Number(BigInt(checkedAt) - BigInt(arrivedAt)) / 1e6;
  // A busy kernel may have taken bytes from the sender, and not have given them to the receiver yet. On a new connection with TLS the event
  // loop has looked, before the callbacks of its turn.
  return earlyMs > (checkedAt === writtenAt ? TURN_MS : KERNEL_MS)
    ? avoidable(`it had been in the kernel for ${earlyMs.toFixed(1)} ms when the request was sent`)
    : unavoidable('a stray response came after the last look into the kernel, before the answer');
}

const KERNEL_MS = 2;
const TURN_MS = 20;

/** @returns {Judgement} */
const unavoidable = (/** @type {string} */ reason) => ({ unavoidable: true, reason });
/** @returns {Judgement} */
const avoidable = (/** @type {string} */ reason) => ({ unavoidable: false, reason });
