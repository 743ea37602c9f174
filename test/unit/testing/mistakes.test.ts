import {
  afterBytesIn,
  answer,
  checkPool,
  checkStats,
  inform,
  ManualClock,
  MemoryNetwork,
  memorySockets,
  ScriptedOrigin,
  type ScriptedOriginOptions,
  send,
  wait,
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
  ['an option', { rule: [] }, 'unknown option rule of ScriptedOrigin.start(); known: port, network'],
  ['a member of a rule', { rules: [{ steps: [], if: {} }] }, 'unknown option if of rules[0]; known: when, at, steps'],
  ['a condition', { rules: [{ steps: [] }, { when: { url: '/' }, steps: [] }] }, 'unknown option url of rules[1].when'],
  [
    'a moment',
    { rules: [{ at: 'body', steps: [] }] },
    'rules[0].at must be one of connection, head, request, got body',
  ],
  ['a list of rules that is none', { rules: { steps: [] } }, 'rules must be a list of rules, got {"steps":[]}'],
  ['a rule that is none', { rules: [null] }, 'rules[0] must be given an object, got null'],
  [
    'a condition on a request, before there is one,',
    { rules: [{ at: 'connection', when: { path: '/' }, steps: [] }] },
    'unknown option path of rules[0].when at the moment connection; known: connection',
  ],
  ['a script that is no function', { script: [answer()] }, 'script must be a function'],
  ['a member of tls', { tls: { key: '', certificate: '' } }, 'unknown option certificate of tls; known: key, cert'],
  ['a step in the place of a list', { rules: [{ steps: answer() }] }, 'rules[0].steps must be a list of steps'],
  [
    'a step',
    { rules: [{ steps: [{ do: 'dance' }] }] },
    'rules[0].steps must be a list of steps, got the element {"do":"dance"}',
  ],
])('%s that does not exist is refused', async (_what, options, message) => {
  await expect(start(options)).rejects.toThrow(message);
});

test('a member of an answer that does not exist is refused', () => {
  expect(() => answer(untyped({ statusCode: 503 }))).toThrow(
    'unknown option statusCode of answer(); known: status, reason',
  );
});

test.each<[string, () => unknown, string]>([
  [
    'how sockets are joined',
    () => memorySockets(untyped({ deliver: 'by-hand' })),
    'unknown option deliver of memorySockets()',
  ],
  ['a clock', () => new ManualClock(untyped({ start: 1 })), 'unknown option start of ManualClock; known: now, wallNow'],
  [
    'a network',
    () => new MemoryNetwork(untyped({ time: new ManualClock() })),
    'unknown option time of MemoryNetwork; known: clock',
  ],
  [
    'a check of a pool',
    () => checkPool(untyped({}), untyped({ atrest: true })),
    'unknown option atrest of checkPool()',
  ],
  [
    'a check of counts',
    () => checkStats(untyped({}), untyped({ atrest: true })),
    'unknown option atrest of checkStats()',
  ],
])('an option of %s that does not exist is refused', (_what, call, message) => {
  expect(call).toThrow(message);
});

test.each<[string, () => unknown, string]>([
  ['steps of whenIdle()', () => whenIdle(1, untyped(answer())), 'whenIdle() must be a list of steps'],
  ['steps of afterBytesIn()', () => afterBytesIn(1, untyped(answer())), 'afterBytesIn() must be a list of steps'],
  ['text beyond latin1', () => answer({ body: ['é', 'ł'] }), 'the body of answer() must be latin1 text or bytes'],
  ['an object to send as JSON', () => answer(untyped({ body: { a: 1 } })), 'such as Buffer.from(text), got {"a":1}'],
  ['garbage beyond latin1', () => send('☃'), 'send() must be latin1 text or bytes'],
  ['what comes behind an answer', () => answer({ append: '☃' }), 'append of answer() must be latin1 text or bytes'],
  ['a status in the place of an answer', () => answer(untyped(503)), 'answer() must be given an object, got 503'],
  ['a status that is no number', () => answer(untyped({ status: '503' })), 'status of answer() must be an integer'],
  ['a reason beyond latin1', () => answer({ reason: '☃' }), 'reason of answer() must be latin1 text, got "☃"'],
  [
    'a number as the value of a field',
    () => answer(untyped({ fields: { 'Retry-After': 1 } })),
    'Retry-After in fields of answer() must be latin1 text, got 1',
  ],
  ['a field without a value', () => answer(untyped({ fields: { A: [undefined] } })), 'A in fields of answer() must be'],
  ['a trailer beyond latin1', () => answer({ trailers: { A: '☃' } }), 'A in trailers of answer() must be latin1'],
  ['a framing', () => answer(untyped({ framing: 'chunks' })), 'framing of answer() must be one of length, chunked, '],
  ['a hint', () => answer(untyped({ keepAlive: { ms: 1 } })), 'unknown option ms of keepAlive of answer()'],
  ['an interim status', () => inform(untyped('103')), 'status of inform() must be an integer'],
  ['a number in an interim field', () => inform(103, untyped({ A: 1 })), 'A in fields of inform() must be latin1 text'],
  ['a wait in words', () => wait(untyped('5s')), 'ms of wait() must be a number from 0, got "5s"'],
  ['a wait for nothing', () => whenIdle(untyped(undefined), []), 'ms of whenIdle() must be a number from 0'],
  ['a number of bytes', () => afterBytesIn(Number.NaN, []), 'bytes of afterBytesIn() must be a number from 0'],
])('%s that cannot be played are refused', (_what, call, message) => {
  expect(call).toThrow(message);
});

test('rules that come later and steps that are played at once are looked at as well', async () => {
  const origin = await start({});
  await expect(origin.setRules([untyped({ when: { url: '/' }, steps: [] })])).rejects.toThrow(
    'unknown option url of rules[0].when',
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
