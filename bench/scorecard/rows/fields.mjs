/** Fields and request targets that pass through a gateway. */

import { answer, execute } from 'pooled-backend/testing';
import { shown, values, verdict } from '../row.mjs';

/** @type {import('../row.mjs').Row[]} */
export const fieldRows = [
  {
    name: 'request: fields named by Connection stay behind',
    why: 'They are for this connection only (RFC 9110 §7.6.1).',
    async play(scene) {
      await scene.get('/', 'Connection: X-Hop\r\nX-Hop: 1\r\n');
      const [request] = scene.requests;
      return verdict(request !== undefined && request.headers['x-hop'] === undefined, 'leaks');
    },
  },
  {
    name: 'request: Keep-Alive, Proxy-Connection, TE, Upgrade stay behind',
    why: 'Hop-by-hop whether or not Connection names them (RFC 9110 §7.6.1).',
    async play(scene) {
      const got = await scene.get(
        '/',
        'Keep-Alive: timeout=9\r\nProxy-Connection: keep-alive\r\nTE: gzip\r\nUpgrade: foo\r\n',
      );
      const headers = scene.requests[0]?.headers;
      if (headers === undefined) return shown(got);
      const leaked = ['keep-alive', 'proxy-connection', 'te', 'upgrade'].filter((name) => {
        const value = headers[name];
        return (
          value !== undefined &&
          !(name === 'te' && value === 'trailers') &&
          !(name === 'keep-alive' && !value.includes('9'))
        );
      });
      return verdict(leaked.length === 0, `leaks ${leaked.join(', ')}`);
    },
  },
  {
    name: 'response: fields named by Connection stay behind',
    why: 'They are for the connection to the origin only (RFC 9110 §7.6.1).',
    rules: [{ steps: [answer({ fields: { Connection: 'X-Hop', 'X-Hop': '1' }, body: 'ok' })] }],
    async play(scene) {
      const got = await scene.get();
      return verdict(
        got.status === 200 && values(got, 'x-hop').length === 0,
        got.status === 200 ? 'leaks' : shown(got),
      );
    },
  },
  {
    name: 'response: Keep-Alive, Proxy-Connection, Upgrade stay behind',
    why: 'What the origin says of its connection is untrue of ours (RFC 9110 §7.6.1).',
    rules: [
      {
        steps: [
          answer({ fields: { 'Keep-Alive': 'timeout=999', 'Proxy-Connection': 'x', Upgrade: 'h2c' }, body: 'ok' }),
        ],
      },
    ],
    async play(scene) {
      const got = await scene.get();
      const leaked = ['proxy-connection', 'upgrade'].filter((name) => values(got, name).length > 0);
      if (values(got, 'keep-alive').some((value) => value.includes('999'))) leaked.push('keep-alive');
      return verdict(got.status === 200 && leaked.length === 0, `leaks ${leaked.join(', ')}`);
    },
  },
  {
    name: 'request: repeated fields keep their order',
    why: 'A proxy must not change the order of field lines with one name (RFC 9110 §5.3).',
    async play(scene) {
      await scene.get('/', 'X-A: 1\r\nX-B: b\r\nX-A: 2\r\nX-A: 3\r\n');
      const seen = scene.requests[0]?.headers['x-a'];
      return verdict(seen?.replaceAll(' ', '') === '1,2,3', `${seen}`);
    },
  },
  {
    name: 'response: every Set-Cookie arrives, one by one, in order',
    why: 'Set-Cookie cannot be joined (RFC 9110 §5.3).',
    rules: [{ steps: [answer({ fields: { 'Set-Cookie': ['a=1; Path=/', 'b=2', 'a=3'] }, body: 'ok' })] }],
    async play(scene) {
      const seen = values(await scene.get(), 'set-cookie').join(' | ');
      return verdict(seen === 'a=1; Path=/ | b=2 | a=3', seen);
    },
  },
  {
    name: 'request: bytes above ASCII in a value arrive as they are',
    why: 'obs-text is opaque data (RFC 9110 §5.5).',
    async play(scene) {
      await scene.get('/', 'X-Name: caf\xe9\r\n');
      const seen = scene.requests[0]?.headers['x-name'];
      return verdict(seen === 'caf\xe9', seen === undefined ? 'gone' : 'changed');
    },
  },
  {
    name: 'response: bytes above ASCII in a value arrive as they are',
    why: 'obs-text is opaque data (RFC 9110 §5.5).',
    rules: [{ steps: [answer({ fields: { 'X-Name': 'caf\xe9' }, body: 'ok' })] }],
    async play(scene) {
      const got = await scene.get();
      return verdict(values(got, 'x-name')[0] === 'caf\xe9', got.status === 200 ? 'changed' : shown(got));
    },
  },
  {
    name: 'request: Via names the gateway',
    why: 'A gateway must send Via in each request that it forwards (RFC 9110 §7.6.3).',
    async play(scene) {
      await scene.get();
      return verdict(scene.requests[0]?.headers.via !== undefined, 'none');
    },
  },
  {
    name: 'request: an absolute target replaces Host',
    why: 'Its authority counts, the Host that came is ignored (RFC 9112 §3.2.2).',
    async play(scene) {
      const got = await scene.ask('GET http://real.test/a?b HTTP/1.1\r\nHost: other.test\r\n\r\n');
      const [request] = scene.requests;
      if (request === undefined) return shown(got);
      const { path, headers } = request;
      const right = headers.host !== 'other.test' && (path === '/a?b' || path === 'http://real.test/a?b');
      return verdict(right, `${path}, ${headers.host === 'other.test' ? 'the wrong host' : 'host'}`);
    },
  },
  {
    name: 'request: OPTIONS * arrives as OPTIONS *',
    why: 'The asterisk-form asks for the server as a whole (RFC 9112 §3.2.4).',
    async play(scene) {
      const got = await scene.ask('OPTIONS * HTTP/1.1\r\nHost: front.test\r\n\r\n');
      const [request] = scene.requests;
      return verdict(request?.path === '*', request === undefined ? shown(got) : request.path);
    },
  },
  {
    name: 'request: the bytes of the target arrive as they are',
    why: 'A proxy must not rewrite the path and query (RFC 9110 §7.7).',
    async play(scene) {
      const got = await scene.get("/a%2Fb//c;d/?x=%20y&z=1+2&e='~");
      const [request] = scene.requests;
      return verdict(request?.path === "/a%2Fb//c;d/?x=%20y&z=1+2&e='~", request?.path ?? shown(got));
    },
  },
  {
    name: 'HEAD: the length is told, no body comes, the connection goes on',
    why: 'A response to HEAD ends with its head (RFC 9112 §6.3).',
    rules: [{ steps: [execute(), answer({ body: 'hello' })] }],
    async play(scene) {
      const wire = scene.dial().write('HEAD / HTTP/1.1\r\nHost: front.test\r\n\r\n');
      const head = await wire.answer({ toHead: true });
      const next = await wire.write('GET / HTTP/1.1\r\nHost: front.test\r\n\r\n').answer();
      if (values(head, 'content-length')[0] !== '5') return 'no length';
      return verdict(next.status === 200 && next.body === 'hello', `then ${shown(next)}`);
    },
  },
  {
    name: '304 with a length does not wait for a body',
    why: 'A 304 ends with its head whatever its fields say (RFC 9112 §6.3).',
    rules: [{ steps: [answer({ status: 304, fields: { ETag: '"1"', 'Content-Length': '100' } })] }],
    async play(scene) {
      const wire = scene.dial().write('GET / HTTP/1.1\r\nHost: front.test\r\n\r\n');
      const first = await wire.answer();
      const next = await wire.write('GET / HTTP/1.1\r\nHost: front.test\r\n\r\n').answer();
      return verdict(first.status === 304 && next.status === 304, `${shown(first)}, then ${shown(next)}`);
    },
  },
];
