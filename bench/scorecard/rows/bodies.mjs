/** Bodies, trailers, interim responses, Expect. */

import { answer, close, execute, hold, inform, send, stall } from 'pooled-backend/testing';
import { shown, values, verdict } from '../row.mjs';

const HEAD = 'Host: front.test\r\n';

/** @type {import('../row.mjs').Row[]} */
export const bodyRows = [
  {
    name: 'GET with a body: the body arrives',
    why: 'Content in a GET has no meaning of its own, but it is there (RFC 9110 §9.3.1).',
    async play(scene) {
      const got = await scene.ask(`GET / HTTP/1.1\r\n${HEAD}Content-Length: 5\r\n\r\nhello`);
      const [request] = scene.requests;
      return verdict(request?.body.toString() === 'hello', request === undefined ? shown(got) : 'dropped');
    },
  },
  {
    name: 'DELETE with a chunked body: the body arrives, framed once',
    why: 'A body without framing would be read as the next request (RFC 9112 §6.3).',
    async play(scene) {
      const got = await scene.ask(
        `DELETE / HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
      );
      const { requests } = scene;
      if (requests.length !== 1) return `${requests.length} requests, ${shown(got)}`;
      return verdict(requests[0]?.body.toString() === 'hello', 'dropped');
    },
  },
  {
    name: 'upload: streams, it is not collected whole',
    why: 'A body without end must pass (RFC 9112 §7.1).',
    async play(scene) {
      const piece = `4000\r\n${'x'.repeat(0x4000)}\r\n`;
      scene.dial().write(`POST / HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n${piece.repeat(20)}`);
      return verdict(await scene.seen(() => (scene.requests[0]?.body.length ?? 0) >= 0x4000 * 10), 'collected');
    },
  },
  {
    name: 'upload: a small slow one holds no connection to the origin',
    why: 'The connection to the origin is the scarce thing: what fits into a buffer is complete before one is taken.',
    async play(scene) {
      const wire = scene.dial().write(`POST / HTTP/1.1\r\n${HEAD}Content-Length: 10\r\n\r\nhello`);
      await scene.pause(200);
      const early = scene.requests.length;
      const got = await wire.write('world').answer();
      return verdict(early === 0 && got.status === 200, early === 0 ? shown(got) : 'held');
    },
  },
  {
    name: 'upload: an early 413 reaches the client',
    why: 'A client that sends must hear that it need not (RFC 9112 §9.6).',
    rules: [{ at: 'head', steps: [answer({ status: 413, body: 'no' })] }],
    async play(scene) {
      const wire = scene.dial().write(`POST / HTTP/1.1\r\n${HEAD}Content-Length: 900000\r\n\r\n${'x'.repeat(300_000)}`);
      const got = await wire.answer();
      return verdict(got.status === 413 && got.body === 'no', shown(got));
    },
  },
  {
    name: 'request trailers reach the origin',
    why: 'Trailers belong to the message (RFC 9110 §6.5).',
    async play(scene) {
      const got = await scene.ask(
        `POST / HTTP/1.1\r\n${HEAD}Trailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 5\r\n\r\n`,
      );
      const [request] = scene.requests;
      if (request === undefined) return shown(got);
      return verdict(request.rawTrailers.join() === 'X-Sum,5', 'dropped');
    },
  },
  {
    name: 'response trailers reach the client',
    why: 'Trailers belong to the message (RFC 9110 §6.5).',
    rules: [
      {
        steps: [
          answer({ framing: 'chunked', body: ['hello'], fields: { Trailer: 'X-Sum' }, trailers: { 'X-Sum': '5' } }),
        ],
      },
    ],
    async play(scene) {
      const got = await scene.get('/', 'TE: trailers\r\nConnection: TE\r\n');
      return verdict(/x-sum: 5/i.test(got.trailers), got.status === 200 ? 'dropped' : shown(got));
    },
  },
  {
    name: 'Set-Cookie as a trailer goes no further',
    why: 'Fields that change what was read before must not be trailers (RFC 9110 §6.5.1).',
    rules: [{ steps: [answer({ framing: 'chunked', body: ['hello'], trailers: { 'Set-Cookie': 'a=1' } })] }],
    async play(scene) {
      const got = await scene.get('/', 'TE: trailers\r\nConnection: TE\r\n');
      return verdict(
        got.complete && !/set-cookie/i.test(got.trailers + got.head),
        got.complete ? 'forwarded' : shown(got),
      );
    },
  },
  {
    name: '103 is forwarded',
    why: 'A proxy must forward 1xx responses (RFC 9110 §15.2).',
    rules: [{ steps: [inform(103, { Link: '</a>; rel=preload' }), answer({ body: 'ok' })] }],
    async play(scene) {
      const got = await scene.get();
      return verdict(got.interim.includes(103) && got.status === 200, got.status === 200 ? 'dropped' : shown(got));
    },
  },
  {
    name: '102 and unknown 1xx are forwarded, in order',
    why: 'A proxy must forward 1xx responses (RFC 9110 §15.2).',
    rules: [{ steps: [inform(102), inform(142), answer({ body: 'ok' })] }],
    async play(scene) {
      const got = await scene.get();
      return verdict(
        got.interim.join() === '102,142',
        got.status === 200 ? got.interim.join() || 'dropped' : shown(got),
      );
    },
  },
  {
    name: 'an HTTP/1.0 client gets no 1xx',
    why: 'HTTP/1.0 knows none (RFC 9110 §15.2).',
    rules: [{ steps: [inform(103), answer({ body: 'ok' })] }],
    async play(scene) {
      const got = await scene.ask(`GET / HTTP/1.0\r\n${HEAD}\r\n`);
      return verdict(got.interim.length === 0 && got.status === 200, got.interim.join() || shown(got));
    },
  },
  {
    name: 'Expect: 100-continue: the origin decides, its 413 comes without a 100',
    why: 'The expectation is forwarded, unless it is answered with a final status (RFC 9110 §10.1.1).',
    rules: [{ at: 'head', steps: [answer({ status: 413, body: 'no' }), stall()] }],
    async play(scene) {
      const wire = scene.dial().write(`POST / HTTP/1.1\r\n${HEAD}Expect: 100-continue\r\nContent-Length: 5\r\n\r\n`);
      const got = await wire.answer();
      return verdict(got.status === 413 && got.interim.length === 0, got.interim.join() || shown(got));
    },
  },
  {
    name: 'Expect: 100-continue: the body is asked for, and arrives once',
    why: 'The client sends its content when it hears 100 (RFC 9110 §10.1.1).',
    async play(scene) {
      const wire = scene.dial().write(`POST / HTTP/1.1\r\n${HEAD}Expect: 100-continue\r\nContent-Length: 5\r\n\r\n`);
      if (!(await wire.until(() => wire.text.startsWith('HTTP/1.1 100')))) return 'not asked';
      const got = await wire.write('hello').answer();
      return verdict(
        got.status === 200 && got.interim.length === 1 && scene.requests[0]?.body.toString() === 'hello',
        () => (got.interim.length > 1 ? 'asked twice' : shown(got)),
      );
    },
  },
  {
    name: 'a stream of events arrives event by event',
    why: 'A body is passed on as it comes (RFC 9112 §7.1).',
    rules: [{ steps: [send('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n'), hold('events')] }],
    async play(scene) {
      const wire = scene.dial().write(`GET / HTTP/1.1\r\n${HEAD}\r\n`);
      return verdict(await wire.until(() => wire.text.includes('data: 1')), 'held back');
    },
  },
  {
    name: 'a response head arrives before its body',
    why: 'A head is complete by itself; who waits for the body delays it.',
    rules: [{ steps: [send('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n'), hold('body')] }],
    async play(scene) {
      const wire = scene.dial().write(`GET / HTTP/1.1\r\n${HEAD}\r\n`);
      return verdict(await wire.until(() => wire.text.includes('\r\n\r\n')), 'held back');
    },
  },
  {
    name: 'a body until close has its end marked for an HTTP/1.1 client',
    why: 'The client keeps its connection and can tell a cut from an end (RFC 9112 §6.3).',
    rules: [{ steps: [answer({ framing: 'until-close', body: 'hello' }), close()] }],
    async play(scene) {
      const got = await scene.get();
      return verdict(
        /transfer-encoding|content-length/i.test(got.head),
        got.body === 'hello' ? 'not marked' : shown(got),
      );
    },
  },
  {
    name: 'an HTTP/1.0 client gets no chunks',
    why: 'HTTP/1.0 knows no Transfer-Encoding (RFC 9112 §6.1).',
    rules: [{ steps: [answer({ framing: 'chunked', body: ['he', 'llo'] })] }],
    async play(scene) {
      const got = await scene.ask(`GET / HTTP/1.0\r\n${HEAD}\r\n`);
      return verdict(got.body === 'hello' && values(got, 'transfer-encoding').length === 0, () =>
        values(got, 'transfer-encoding').length > 0 ? 'chunks' : shown(got),
      );
    },
  },
  {
    name: 'an HTTP/1.0 origin is understood',
    why: 'Its response ends with its connection (RFC 9112 §9.3).',
    rules: [{ steps: [execute(), answer({ version: '1.0', framing: 'until-close', body: 'hello' }), close()] }],
    async play(scene) {
      const got = await scene.get();
      return verdict(got.status === 200 && got.body === 'hello', shown(got));
    },
  },
];
