/** The parts of a row of the scorecard. */

import { setTimeout as sleep } from 'node:timers/promises';
import { Wire } from './wire.mjs';

/** @typedef {import('pooled-backend/testing').Rule} Rule */
/** @typedef {import('pooled-backend/testing').Step} Step */
/** @typedef {import('pooled-backend/testing').ScriptedOrigin} ScriptedOrigin */

/**
 * One system and the origin behind it, during one row.
 * @typedef {object} Stage
 * @property {number} port of the system
 * @property {ScriptedOrigin} origin
 * @property {number} requestsBefore how many requests the origin had seen when the row began
 * @property {number} connectionsBefore
 */

/**
 * @typedef {object} Row
 * @property {string} name
 * @property {string} why the right behaviour, with its section of an RFC
 * @property {Rule[]} [rules] of the origin; without a rule it executes and answers 200 `ok`
 * @property {(stage: Scene) => Promise<true | string>} play resolves to true if the behaviour was right, else to what was seen
 */

export class Scene {
  origin;
  #stage;
  /** @type {Wire[]} */
  #wires = [];

  /** @param {Stage} stage */
  constructor(stage) {
    this.#stage = stage;
    this.origin = stage.origin;
  }

  /** Requests that the origin has seen since the row began. */
  get requests() {
    return this.#stage.origin.requests.slice(this.#stage.requestsBefore);
  }

  get connections() {
    return this.#stage.origin.connections.slice(this.#stage.connectionsBefore);
  }

  /** Opens a new connection to the system. */
  dial() {
    const wire = new Wire(this.#stage.port);
    this.#wires.push(wire);
    return wire;
  }

  /**
   * Writes on a new connection and reads one answer.
   * @param {string} text
   * @param {{ toHead?: boolean, ms?: number }} [how]
   */
  ask(text, how) {
    return this.dial().write(text).answer(how);
  }

  /** @param {string} fields whole lines */
  get(path = '/', fields = '') {
    return this.ask(`GET ${path} HTTP/1.1\r\nHost: front.test\r\n${fields}\r\n`);
  }

  /**
   * Resolves to whether `holds` became true, for what the origin saw.
   * @param {() => boolean} holds
   */
  async seen(holds, ms = 1_000) {
    return this.origin.until(holds, ms).then(
      () => true,
      () => false,
    );
  }

  /** @param {number} ms */
  pause(ms) {
    return sleep(ms);
  }

  end() {
    for (const wire of this.#wires) wire.leave();
  }
}

/**
 * The text of a cell for an answer that was not right.
 * @param {import('./wire.mjs').Answer} answer
 */
export function shown({ status, complete, end }) {
  if (status === 0) return end === undefined ? 'hangs' : 'closed';
  return complete ? String(status) : `${status}, ${end === undefined ? 'hangs' : 'cut'}`;
}

/**
 * @param {import('./wire.mjs').Answer} answer
 * @param {string} name in lower case
 * @returns {string[]} values of a field
 */
export function values({ head }, name) {
  return head
    .split('\r\n')
    .filter((line) => line.toLowerCase().startsWith(`${name}:`))
    .map((line) => line.slice(name.length + 1).trim());
}

/**
 * True if it was right, else what was seen.
 * @param {boolean} right
 * @param {string | (() => string)} saw
 * @returns {true | string}
 */
export function verdict(right, saw) {
  return right || (typeof saw === 'function' ? saw() : saw);
}
