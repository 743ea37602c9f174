/** What a test has got wrong is refused: an origin that plays something else makes its test pass for the wrong reason. */

import type { ScriptedOriginOptions } from './scripted-origin.js';
import type { Answer, Bytes, Moment, Rule, Step } from './steps.js';

const OPTIONS = Object.keys({
  ...{ port: 0, network: 0, hostname: 0, socketPath: 0, tls: 0, backlog: 0, script: 0, rules: 0, thread: 0 },
} satisfies Record<keyof ScriptedOriginOptions, 0>);
const RULE = Object.keys({ when: 0, at: 0, steps: 0 } satisfies Record<keyof Rule, 0>);
const WHEN = Object.keys({
  ...{ method: 0, path: 0, connection: 0, request: 0, requestOnConnection: 0, everyOnConnection: 0 },
} satisfies Record<keyof NonNullable<Rule['when']>, 0>);
const MOMENTS = Object.keys({ connection: 0, head: 0, request: 0 } satisfies Record<Moment, 0>);
const ANSWER = Object.keys({
  ...{ status: 0, reason: 0, version: 0, fields: 0, keepAlive: 0, body: 0, framing: 0, trailers: 0 },
  ...{ append: 0, cutAt: 0, cutBodyAt: 0, pieceBytes: 0 },
} satisfies Record<keyof Answer, 0>);
const STEPS = Object.keys({
  ...{ execute: 0, answer: 0, inform: 0, send: 0, wait: 0, hold: 0, stall: 0, close: 0, 'half-close': 0, reset: 0 },
  ...{ 'stop-reading': 0, 'read-on': 0, 'when-idle': 0, 'after-bytes-in': 0 },
} satisfies Record<Step['do'], 0>);

/** @throws TypeError that says what is unknown, or does not go together */
export function checkOptions(options: ScriptedOriginOptions): void {
  checkNames('ScriptedOrigin.start()', options, OPTIONS);
  const { script, thread = false, network, tls, hostname, rules = [] } = options;
  if (thread && script !== undefined) throw new TypeError('script cannot be combined with thread: use rules');
  if (network !== undefined && thread) throw new TypeError('network cannot be combined with thread');
  if (network !== undefined && tls !== undefined)
    throw new TypeError('network cannot be combined with tls: a network in memory has no TLS');
  if (network === undefined && hostname !== undefined) throw new TypeError('hostname needs a network in memory');
  checkRules(rules);
}

/** @throws TypeError that names the rule */
export function checkRules(rules: readonly Rule[]): void {
  for (const [index, rule] of rules.entries()) {
    const where = `rules[${index}]`;
    checkNames(where, rule, RULE);
    checkNames(`${where}.when`, rule.when ?? {}, WHEN);
    if (rule.at !== undefined && !MOMENTS.includes(rule.at))
      throw new TypeError(`${where}.at must be one of ${MOMENTS.join(', ')}, got ${String(rule.at)}`);
    checkSteps(`${where}.steps`, rule.steps);
  }
}

/** @throws TypeError when it is no list, or has what is no step */
export function checkSteps(where: string, steps: readonly Step[]): void {
  if (!Array.isArray(steps)) throw new TypeError(`${where} must be a list of steps, got ${JSON.stringify(steps)}`);
  for (const step of steps) {
    if (!STEPS.includes(step?.do))
      throw new TypeError(`${where} must be a list of steps, got the element ${JSON.stringify(step)}`);
  }
}

/** @throws TypeError that names what is unknown */
export function checkAnswer(parts: Answer): void {
  checkNames('answer()', parts, ANSWER);
  for (const piece of [parts.body ?? []].flat()) checkBytes('the body of answer()', piece);
}

/** @throws TypeError for what is neither bytes nor a string that can be written as it is */
export function checkBytes(where: string, bytes: Bytes): void {
  if (typeof bytes === 'string' ? /^[\0-\xff]*$/.test(bytes) : bytes instanceof Uint8Array) return;
  throw new TypeError(`${where} must be latin1 text or bytes, such as Buffer.from(text), got ${JSON.stringify(bytes)}`);
}

/** @throws TypeError that names what is unknown */
export function checkNames(where: string, given: object, known: readonly string[]): void {
  const unknown = Object.keys(given).find((name) => !known.includes(name));
  if (unknown !== undefined) throw new TypeError(`unknown option ${unknown} of ${where}; known: ${known.join(', ')}`);
}
