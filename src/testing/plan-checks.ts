/** Refuses mistakes of a test: with an origin that plays something else, the test could pass for the wrong reason. */

import type { ScriptedOriginOptions } from './scripted-origin.js';
import type { Answer, AnswerFields, Bytes, Moment, Rule, Step } from './steps.js';

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
const FRAMINGS = Object.keys({
  ...{ length: 0, chunked: 0, 'until-close': 0, none: 0 },
} satisfies Record<NonNullable<Answer['framing']>, 0>);
const STEPS = Object.keys({
  ...{ execute: 0, answer: 0, inform: 0, send: 0, wait: 0, hold: 0, stall: 0, close: 0, 'half-close': 0, reset: 0 },
  ...{ 'stop-reading': 0, 'read-on': 0, 'when-idle': 0, 'after-bytes-in': 0 },
} satisfies Record<Step['do'], 0>);

/** @throws TypeError that says what is unknown, or cannot be combined */
export function checkOptions(options: ScriptedOriginOptions): void {
  checkNames('ScriptedOrigin.start()', options, OPTIONS);
  const { script, thread = false, network, tls, hostname, rules = [] } = options;
  if (script !== undefined && typeof script !== 'function')
    throw new TypeError(`script must be a function, got ${JSON.stringify(script)}`);
  if (tls !== undefined) checkNames('tls', tls, ['key', 'cert']);
  if (thread && script !== undefined) throw new TypeError('script cannot be combined with thread: use rules');
  if (network !== undefined && thread) throw new TypeError('network cannot be combined with thread');
  if (network !== undefined && tls !== undefined)
    throw new TypeError('network cannot be combined with tls: a network in memory has no TLS');
  if (network === undefined && hostname !== undefined) throw new TypeError('hostname needs a network in memory');
  checkRules(rules);
}

/** @throws TypeError that names the rule */
export function checkRules(rules: readonly Rule[]): void {
  if (!Array.isArray(rules)) throw new TypeError(`rules must be a list of rules, got ${JSON.stringify(rules)}`);
  for (const [index, rule] of rules.entries()) {
    const where = `rules[${index}]`;
    checkNames(where, rule, RULE);
    checkNames(`${where}.when`, rule.when ?? {}, WHEN);
    if (rule.at !== undefined && !MOMENTS.includes(rule.at))
      throw new TypeError(`${where}.at must be one of ${MOMENTS.join(', ')}, got ${String(rule.at)}`);
    // There is no request yet: a rule that asks for one would never match.
    if (rule.at === 'connection') checkNames(`${where}.when at the moment connection`, rule.when ?? {}, ['connection']);
    checkSteps(`${where}.steps`, rule.steps);
  }
}

/** @throws TypeError if it is not a list, or has an element that is not a step */
export function checkSteps(where: string, steps: readonly Step[]): void {
  if (!Array.isArray(steps)) throw new TypeError(`${where} must be a list of steps, got ${JSON.stringify(steps)}`);
  for (const step of steps) {
    if (!STEPS.includes(step?.do))
      throw new TypeError(`${where} must be a list of steps, got the element ${JSON.stringify(step)}`);
  }
}

/** @throws TypeError that names what is unknown or cannot be sent */
export function checkAnswer(parts: Answer): void {
  checkNames('answer()', parts, ANSWER);
  const {
    status = 200,
    reason = '',
    fields = {},
    keepAlive = {},
    body = [],
    framing,
    trailers = {},
    append = '',
  } = parts;
  checkStatus('answer()', status);
  checkText('reason of answer()', reason);
  checkFields('fields of answer()', fields);
  checkNames('keepAlive of answer()', keepAlive, ['timeout', 'max']);
  for (const piece of [body].flat()) checkBytes('the body of answer()', piece);
  if (framing !== undefined && !FRAMINGS.includes(framing))
    throw new TypeError(`framing of answer() must be one of ${FRAMINGS.join(', ')}, got ${JSON.stringify(framing)}`);
  checkFields('trailers of answer()', trailers);
  checkBytes('append of answer()', append);
}

/** @throws TypeError for a status that would not be digits on the wire */
export function checkStatus(where: string, status: number): void {
  if (!Number.isInteger(status)) throw new TypeError(`status of ${where} must be an integer, got ${String(status)}`);
}

/** @throws TypeError that names the field whose value cannot be sent */
export function checkFields(where: string, fields: AnswerFields): void {
  for (const [name, value] of Object.entries(fields)) {
    for (const one of [value].flat()) checkText(`${name} in ${where}`, one);
  }
}

/** @throws RangeError for a value that is not a number, or below 0 */
export function checkCount(what: string, count: number): void {
  if (!(typeof count === 'number' && count >= 0))
    throw new RangeError(`${what} must be a number from 0, got ${JSON.stringify(count)}`);
}

/** @throws TypeError for a value that is neither bytes nor a latin1 string */
export function checkBytes(where: string, bytes: Bytes): void {
  if (typeof bytes === 'string' ? isLatin1(bytes) : bytes instanceof Uint8Array) return;
  throw new TypeError(`${where} must be latin1 text or bytes, such as Buffer.from(text), got ${JSON.stringify(bytes)}`);
}

function checkText(where: string, text: string): void {
  if (typeof text !== 'string' || !isLatin1(text))
    throw new TypeError(`${where} must be latin1 text, got ${JSON.stringify(text)}`);
}

function isLatin1(text: string): boolean {
  return /^[\0-\xff]*$/.test(text);
}

/** @throws TypeError that names what is unknown */
export function checkNames(where: string, given: object, known: readonly string[]): void {
  if (typeof given !== 'object' || given === null)
    throw new TypeError(`${where} must be given an object, got ${JSON.stringify(given)}`);
  const unknown = Object.keys(given).find((name) => !known.includes(name));
  if (unknown !== undefined) throw new TypeError(`unknown option ${unknown} of ${where}; known: ${known.join(', ')}`);
}
