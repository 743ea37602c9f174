/** Origins that fail, and requests that are sent again. */

import { answer, close, execute, reset, send } from 'pooled-backend/testing';
import { shown, verdict } from '../row.mjs';

const HEAD = 'Host: front.test\r\n';

/**
 * Whether the client can see that the response broke off: its connection ends before the body is complete by its framing.
 * @param {import('../row.mjs').Scene} scene
 */
async function isCut(scene) {
  const wire = scene.dial().write(`GET / HTTP/1.1\r\n${HEAD}\r\n`);
  await wire.until(() => wire.end !== undefined, 2_500);
  const got = await wire.answer({ ms: 1 });
  if (got.status >= 500 && got.complete) return true;
  if (wire.end === undefined) return 'hangs';
  return verdict(!got.complete || wire.end === 'rst', 'looks whole');
}

/** @type {import('../row.mjs').Row[]} */
export const failureRows = [
  {
    name: 'a body with a length is cut: the client can tell',
    why: 'An incomplete message must not look complete, nor hang (RFC 9112 §8).',
    rules: [{ steps: [execute(), answer({ body: 'hello world', cutBodyAt: 5 }), close()] }],
    play: isCut,
  },
  {
    name: 'chunks are cut: the client can tell',
    why: 'An incomplete message must not look complete, nor hang (RFC 9112 §8).',
    rules: [{ steps: [execute(), answer({ framing: 'chunked', body: ['hello', 'world'], cutBodyAt: 10 }), close()] }],
    play: isCut,
  },
  {
    name: 'a body until close ends with a reset: the client can tell',
    why: 'A reset is no end of a message (RFC 9112 §8).',
    rules: [{ steps: [execute(), answer({ framing: 'until-close', body: 'hello' }), { do: 'wait', ms: 50 }, reset()] }],
    play: isCut,
  },
  {
    name: 'nobody listens: 502 or 503',
    why: 'The gateway could not reach the origin (RFC 9110 §15.6.3).',
    async play(scene) {
      await scene.origin.stopListening('close');
      const got = await scene.ask(`GET / HTTP/1.1\r\n${HEAD}\r\n`, { ms: 8_000 });
      await scene.origin.listen();
      return verdict(got.status === 502 || got.status === 503, shown(got));
    },
  },
  {
    name: 'POST, closed without an answer: 502, and it was sent once',
    why: 'It may have been processed: a proxy must not send it again (RFC 9110 §9.2.2).',
    rules: [{ steps: [execute('post'), close()] }],
    async play(scene) {
      const before = scene.origin.executions('post');
      const got = await scene.ask(`POST / HTTP/1.1\r\n${HEAD}Content-Length: 2\r\n\r\nhi`, { ms: 4_000 });
      const times = scene.origin.executions('post') - before;
      return verdict(times === 1 && got.status === 502, times > 1 ? `sent ${times} times` : shown(got));
    },
  },
  {
    name: 'GET on a kept connection that dies under it: sent again, answered',
    why: 'A server may close an idle connection at any time; a safe request may be repeated (RFC 9112 §9.3.1).',
    rules: [
      { when: { path: '/again', requestOnConnection: 0 }, steps: [execute(), answer({ body: 'ok' })] },
      { when: { path: '/again' }, steps: [close()] },
    ],
    async play(scene) {
      const first = await scene.get();
      const second = await scene.get('/again');
      return verdict(first.status === 200 && second.status === 200, shown(second));
    },
  },
  {
    name: 'POST on a kept connection: executed at most once when it dies',
    why: 'A request that is not idempotent is not repeated (RFC 9112 §9.3.1).',
    rules: [
      { when: { method: 'POST', requestOnConnection: 0 }, steps: [execute('post again'), answer({ body: 'ok' })] },
      { when: { method: 'POST' }, steps: [execute('post again'), close()] },
    ],
    async play(scene) {
      const before = scene.origin.executions('post again');
      await scene.get();
      await scene.ask(`POST / HTTP/1.1\r\n${HEAD}Content-Length: 2\r\n\r\nhi`, { ms: 3_000 });
      const times = scene.origin.executions('post again') - before;
      return verdict(times <= 1, `${times} times`);
    },
  },
  {
    name: 'a 503 reaches the client, and the request was sent once',
    why: 'A status is an answer; whoever owns the origin decides about more.',
    rules: [{ steps: [execute('503'), answer({ status: 503, body: 'later' })] }],
    async play(scene) {
      const before = scene.origin.executions('503');
      const got = await scene.ask(`GET / HTTP/1.1\r\n${HEAD}\r\n`, { ms: 4_000 });
      const times = scene.origin.executions('503') - before;
      return verdict(got.status === 503 && times === 1, times === 1 ? shown(got) : `sent ${times} times`);
    },
  },
  {
    name: 'a response that nobody asked for is given to nobody',
    why: 'What comes on an idle connection is no answer to a later request (RFC 9112 §9.2).',
    async play(scene) {
      await scene.get('/first');
      const stray = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nSTRAY';
      const connection = scene.requests[0]?.connection;
      if (connection !== undefined && scene.origin.connections[connection]?.open) {
        await scene.origin.play(connection, [send(stray)]);
      }
      await scene.pause(50);
      const got = await scene.get('/second');
      return verdict(!got.body.includes('STRAY'), 'poisoned');
    },
  },
  {
    name: 'a second response behind the first is given to nobody',
    why: 'There is one final response to a request (RFC 9112 §9.2).',
    rules: [
      {
        when: { path: '/first' },
        steps: [answer({ body: 'ok', append: 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nSTRAY' })],
      },
    ],
    async play(scene) {
      await scene.get('/first');
      const got = await scene.get('/second');
      return verdict(!got.body.includes('STRAY'), 'poisoned');
    },
  },
  {
    name: 'ten requests one after another share connections',
    why: 'Connections are made to persist (RFC 9112 §9.3).',
    async play(scene) {
      for (let count = 0; count < 10; count += 1) await scene.get();
      return verdict(scene.connections.length <= 2, `${scene.connections.length} connections`);
    },
  },
];
