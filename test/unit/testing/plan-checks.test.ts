import {
  afterBytesIn,
  answer,
  checkPool,
  checkStats,
  memorySockets,
  ScriptedOrigin,
  type ScriptedOriginOptions,
  send,
  whenIdle,
} from 'pooled-backend/testing';
import { expect, onTestFinished, test } from 'vitest';

/** As it comes from a test that is written in JavaScript. */
function untyped<T>(value: unknown): T {
  return value as T;
}

async function start(options: unknown): Promise<ScriptedOrigin> {
  const origin = await ScriptedOrigin.start(untyped<ScriptedOriginOptions>(options));
  onTestFinished(() => origin.close());
  return origin;
}

test.each([
  ['an option', { rule: [] }, 'ScriptedOrigin.start() has no rule: it has port, network'],
  ['a member of a rule', { rules: [{ steps: [], if: {} }] }, 'rules[0] has no if: it has when, at, steps'],
  ['a condition', { rules: [{ steps: [] }, { when: { url: '/' }, steps: [] }] }, 'rules[1].when has no url'],
  [
    'a moment',
    { rules: [{ at: 'body', steps: [] }] },
    'rules[0].at must be one of connection, head, request, got body',
  ],
  ['a step in the place of a list', { rules: [{ steps: answer() }] }, 'rules[0].steps must be a list of steps'],
  ['a step', { rules: [{ steps: [{ do: 'dance' }] }] }, 'rules[0].steps has what is no step: {"do":"dance"}'],
])('%s that does not exist is refused', async (_what, options, message) => {
  await expect(start(options)).rejects.toThrow(message);
});

test('a member of an answer that does not exist is refused', () => {
  expect(() => answer(untyped({ statusCode: 503 }))).toThrow('answer() has no statusCode: it has status, reason');
});

test.each<[string, () => unknown, string]>([
  ['how sockets are joined', () => memorySockets(untyped({ deliver: 'by-hand' })), 'memorySockets() has no deliver'],
  ['a check of a pool', () => checkPool(untyped({}), untyped({ atrest: true })), 'checkPool() has no atrest'],
  ['a check of counts', () => checkStats(untyped({}), untyped({ atrest: true })), 'checkStats() has no atrest'],
])('an option of %s that does not exist is refused', (_what, call, message) => {
  expect(call).toThrow(message);
});

test.each<[string, () => unknown, string]>([
  ['steps of whenIdle()', () => whenIdle(1, untyped(answer())), 'whenIdle() must be a list of steps'],
  ['steps of afterBytesIn()', () => afterBytesIn(1, untyped(answer())), 'afterBytesIn() must be a list of steps'],
  ['text beyond latin1', () => answer({ body: ['é', 'ł'] }), 'the body of answer() takes latin1 or bytes'],
  ['an object to send as JSON', () => answer(untyped({ body: { a: 1 } })), 'use Buffer.from(text), got {"a":1}'],
  ['garbage beyond latin1', () => send('☃'), 'send() takes latin1 or bytes'],
])('%s that cannot be played are refused', (_what, call, message) => {
  expect(call).toThrow(message);
});

test('rules that come later and steps that are played at once are looked at as well', async () => {
  const origin = await start({});
  await expect(origin.setRules([untyped({ when: { url: '/' }, steps: [] })])).rejects.toThrow(
    'rules[0].when has no url',
  );
  await expect(origin.play(0, untyped(answer()))).rejects.toThrow('play() must be a list of steps');
});

test('all that there is passes', async () => {
  const when = { method: 'GET', path: '/', connection: 0, request: 0, requestOnConnection: 0, everyOnConnection: 2 };
  const body = {
    body: ['a', 'b'],
    framing: 'chunked',
    trailers: {},
    append: '',
    cutAt: 9,
    cutBodyAt: 9,
    pieceBytes: 1,
  };
  const steps = [answer(untyped({ status: 200, reason: '', version: '1.1', fields: {}, keepAlive: {}, ...body }))];
  const rules = [
    { when, at: 'head', steps },
    { at: 'connection', steps: [whenIdle(1, steps)] },
  ];
  const origin = await start({ port: 0, rules, thread: false, backlog: 5 });
  expect(origin.port).toBeGreaterThan(0);
});
