/** Clients that leave, pipelines, upgrades. */

import { answer, execute, send, stall } from 'pooled-backend/testing';
import { shown, verdict } from '../row.mjs';

const HEAD = 'Host: front.test\r\n';
const SOON_MS = 1_500;
const OFFER = 'Connection: Upgrade\r\nUpgrade: foo\r\n';
const WEBSOCKET =
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';

/** @param {string} protocol */
const switching = (protocol, extra = '') =>
  send(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n${extra}\r\nhello`);
const accept = 'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n';

/**
 * Whether the system gives up the connection of the row's last request.
 * @param {import('../row.mjs').Scene} scene
 */
async function isGivenUp(scene) {
  const connection = scene.requests.at(-1)?.connection ?? -1;
  return verdict(await scene.seen(() => scene.origin.connections[connection]?.open === false, SOON_MS), 'left running');
}

/**
 * @param {import('../row.mjs').Scene} scene
 * @param {string} offer
 */
async function isTunnelled(scene, offer) {
  const wire = scene.dial().write(`GET / HTTP/1.1\r\n${HEAD}${offer}\r\n`);
  if (!(await wire.until(() => wire.text.includes('\r\n\r\nhello')))) return shown(await wire.answer({ ms: 1 }));
  if (!wire.text.startsWith('HTTP/1.1 101')) return shown(await wire.answer({ ms: 1 }));
  wire.write('over the tunnel');
  const connection = scene.requests[0]?.connection ?? -1;
  const through = () => scene.origin.connections[connection]?.received.includes('over the tunnel') === true;
  return verdict(await scene.seen(through), 'one way only');
}

/** @type {import('../row.mjs').Row[]} */
export const clientRows = [
  {
    name: 'the client leaves before the answer: the exchange is given up',
    why: 'Nobody waits for it, and it holds a connection (RFC 9110 §7.6: an intermediary acts for its client).',
    rules: [{ steps: [stall()] }],
    async play(scene) {
      const wire = scene.dial().write(`GET / HTTP/1.1\r\n${HEAD}\r\n`);
      if (!(await scene.seen(() => scene.requests.length === 1))) return 'no request';
      wire.leave();
      return isGivenUp(scene);
    },
  },
  {
    name: 'the client leaves during the answer: the exchange is given up',
    why: 'Nobody reads the rest.',
    rules: [{ steps: [send(`HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n${'x'.repeat(200_000)}`), stall()] }],
    async play(scene) {
      const wire = scene.dial().write(`GET / HTTP/1.1\r\n${HEAD}\r\n`);
      if (!(await wire.until(() => wire.text.includes('xxx')))) return 'no answer';
      wire.leave();
      return isGivenUp(scene);
    },
  },
  {
    name: 'the client leaves during its upload: the origin sees no whole request',
    why: 'An incomplete request must not look complete (RFC 9112 §8).',
    async play(scene) {
      const piece = `4000\r\n${'x'.repeat(0x4000)}\r\n`;
      const wire = scene.dial().write(`PUT / HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n${piece.repeat(8)}`);
      await scene.pause(200);
      wire.leave();
      await scene.pause(200);
      if (scene.requests.some(({ complete }) => complete)) return 'completed';
      return scene.requests.length === 0 ? true : isGivenUp(scene);
    },
  },
  {
    name: 'two requests in a pipeline are answered in order',
    why: 'A server must send responses in the order of the requests (RFC 9112 §9.3.2).',
    rules: [
      { when: { path: '/1' }, steps: [execute(), { do: 'wait', ms: 100 }, answer({ body: 'one' })] },
      { when: { path: '/2' }, steps: [execute(), answer({ body: 'two' })] },
    ],
    async play(scene) {
      const wire = scene.dial().write(`GET /1 HTTP/1.1\r\n${HEAD}\r\nGET /2 HTTP/1.1\r\n${HEAD}\r\n`);
      const [first, second] = [await wire.answer(), await wire.answer()];
      return verdict(
        first.body === 'one' && second.body === 'two',
        `${first.body || shown(first)}, ${second.body || shown(second)}`,
      );
    },
  },
  {
    name: 'WebSocket: 101 and bytes both ways',
    why: 'An upgrade that the origin accepts becomes a tunnel (RFC 9110 §7.8).',
    rules: [{ steps: [switching('websocket', accept), stall()] }],
    play: (scene) => isTunnelled(scene, WEBSOCKET),
  },
  {
    name: 'another protocol: 101 and bytes both ways',
    why: 'Upgrade is not for WebSocket alone (RFC 9110 §7.8).',
    rules: [{ steps: [switching('foo'), stall()] }],
    play: (scene) => isTunnelled(scene, OFFER),
  },
  {
    name: 'an upgrade that is refused with 403 is answered with 403',
    why: 'A server may ignore or refuse the offer, and answers the request (RFC 9110 §7.8).',
    rules: [{ steps: [answer({ status: 403, body: 'no' })] }],
    async play(scene) {
      const got = await scene.ask(`GET / HTTP/1.1\r\n${HEAD}${WEBSOCKET}\r\n`);
      return verdict(got.status === 403 && got.body === 'no', shown(got));
    },
  },
  {
    name: 'an offer of h2c is ignored, the request answered',
    why: 'A server may ignore Upgrade, and most clients in Java offer it (RFC 9110 §7.8, RFC 9113 §3.1).',
    async play(scene) {
      const fields = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n';
      const got = await scene.ask(`POST / HTTP/1.1\r\n${HEAD}${fields}Content-Length: 2\r\n\r\nhi`);
      const [request] = scene.requests;
      if (request?.headers['http2-settings'] !== undefined) return 'forwarded';
      return verdict(got.status === 200 && request?.body.toString() === 'hi', shown(got));
    },
  },
  {
    name: 'CONNECT is refused',
    why: 'A gateway is no forward proxy (RFC 9110 §9.3.6).',
    async play(scene) {
      const got = await scene.ask('CONNECT other.test:443 HTTP/1.1\r\nHost: other.test:443\r\n\r\n');
      if (scene.requests.length > 0) return 'forwarded';
      return verdict(got.status >= 400 || got.end !== undefined, shown(got));
    },
  },
];
