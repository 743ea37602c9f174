import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  afterBytesIn,
  answer,
  byteByByte,
  close,
  execute,
  halfClose,
  hold,
  inform,
  type Rule,
  readOn,
  reset,
  ScriptedOrigin,
  type ScriptedOriginOptions,
  send,
  stall,
  stopReading,
  wait,
  whenIdle,
} from 'pooled-backend/testing';
import { afterEach, describe, expect, test } from 'vitest';
import { authority, cert, key } from './certificate.js';
import { type RawAddress, RawClient } from './raw-client.js';
import { patient } from './setting.js';

const opened: { close(): Promise<void> | void }[] = [];

afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});

async function start(options: ScriptedOriginOptions = {}): Promise<ScriptedOrigin> {
  const origin = patient(await ScriptedOrigin.start(options));
  opened.push(origin);
  return origin;
}

async function connect(address: RawAddress): Promise<RawClient> {
  const client = await RawClient.connect(address);
  opened.push({ close: () => client.destroy() });
  return client;
}

const always = (...steps: Rule['steps']): Rule[] => [{ steps }];

describe.each([{ thread: false }, { thread: true }])('with thread: $thread', ({ thread }) => {
  test('a request without a script is executed and answered', async () => {
    const origin = await start({ thread });
    const client = await connect(origin);
    const response = await client.get('/plain');
    expect({ status: response.status, executions: origin.executions('/plain') }).toEqual({
      status: 200,
      executions: 1,
    });
  });

  test('executions are counted by x-request-id, and not when the script does not execute', async () => {
    const origin = await start({
      thread,
      rules: [{ when: { path: '/not' }, steps: [answer()] }, { steps: [execute(), execute(), answer()] }],
    });
    const client = await connect(origin);
    await client.get('/twice', { 'X-Request-Id': 'seven' });
    await client.get('/not');
    expect([origin.executions('seven'), origin.executions('/twice'), origin.executions('/not')]).toEqual([2, 0, 0]);
  });

  test('an answer carries status, reason, fields in order and case, hint and body', async () => {
    const origin = await start({
      thread,
      rules: always(
        answer({
          status: 404,
          reason: 'Nowhere',
          fields: { 'X-One': '1', 'set-COOKIE': ['a=1', 'b=2'] },
          keepAlive: { timeout: 5, max: 9 },
          body: 'gone',
        }),
      ),
    });
    const client = await connect(origin);
    const response = await client.get('/');
    expect({ ...response, body: response.body.toString() }).toMatchObject({
      status: 404,
      reason: 'Nowhere',
      rawHeaders: [
        ...['X-One', '1', 'set-COOKIE', 'a=1', 'set-COOKIE', 'b=2'],
        ...['Keep-Alive', 'timeout=5, max=9', 'Content-Length', '4'],
      ],
      body: 'gone',
      complete: true,
    });
  });

  test('what of a hint is undefined is not said', async () => {
    const origin = await start({ thread, rules: always(answer({ keepAlive: { timeout: 5, max: undefined } })) });
    const client = await connect(origin);
    expect((await client.get('/')).headers['keep-alive']).toBe('timeout=5');
  });

  test('a chunked answer has the chunks and trailers that were asked for', async () => {
    const chunked = answer({ framing: 'chunked', body: ['one', '', 'three'], trailers: { 'X-Sum': '8' } });
    const origin = await start({ thread, rules: always(chunked) });
    const client = await connect(origin);
    const response = await client.get('/');
    expect(client.received.toString()).toContain('\r\n\r\n3\r\none\r\n5\r\nthree\r\n0\r\nX-Sum: 8\r\n\r\n');
    expect([response.body.toString(), response.rawTrailers, response.complete]).toEqual([
      'onethree',
      ['X-Sum', '8'],
      true,
    ]);
  });

  test('an answer until close has no framing field and ends with the connection', async () => {
    const origin = await start({ thread, rules: always(answer({ framing: 'until-close', body: 'all' }), close()) });
    const client = await connect(origin);
    const response = await client.get('/');
    expect([response.rawHeaders, response.body.toString(), await client.ended()]).toEqual([[], 'all', 'fin']);
  });

  test('an answer to HEAD says the length and sends no body', async () => {
    const origin = await start({ thread, rules: always(answer({ body: '12345' })) });
    const client = await connect(origin);
    client.write('HEAD / HTTP/1.1\r\nHost: h\r\n\r\n');
    const response = await client.readResponse({ toHead: true });
    const second = await client.get('/');
    expect([response.headers['content-length'], second.body.toString()]).toEqual(['5', '12345']);
  });

  test('byte by byte, an answer arrives whole', async () => {
    const origin = await start({ thread, rules: always(byteByByte({ body: 'slow' })) });
    const client = await connect(origin);
    expect((await client.get('/')).body.toString()).toBe('slow');
  });

  test('appended bytes follow the answer', async () => {
    const stray = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstray';
    const origin = await start({ thread, rules: always(answer({ body: 'mine', append: stray })) });
    const client = await connect(origin);
    const first = await client.get('/');
    const second = await client.readResponse();
    expect([first.body.toString(), second.body.toString()]).toEqual(['mine', 'stray']);
  });

  test('an answer is cut after the bytes asked for, and the client sees it as incomplete', async () => {
    const origin = await start({ thread, rules: always(answer({ body: '1234567890', cutBodyAt: 4 }), close()) });
    const client = await connect(origin);
    const response = await client.get('/');
    expect([response.body.toString(), response.complete]).toEqual(['1234', false]);
  });

  test('a head can be cut in the middle', async () => {
    const origin = await start({ thread, rules: always(answer({ cutAt: 12 }), close()) });
    const client = await connect(origin);
    client.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
    await client.ended();
    expect(client.received.toString()).toBe('HTTP/1.1 200');
  });

  test('close ends with a FIN, reset with a RST', async () => {
    const rules: Rule[] = [
      { when: { path: '/close' }, steps: [execute(), close()] },
      { when: { path: '/reset' }, steps: [execute(), reset()] },
    ];
    const origin = await start({ thread, rules });
    const endings: string[] = [];
    for (const path of ['/close', '/reset']) {
      const client = await connect(origin);
      client.write(`GET ${path} HTTP/1.1\r\nHost: h\r\n\r\n`);
      endings.push(await client.ended());
    }
    expect(endings).toEqual(['fin', 'rst']);
    expect(origin.connections.map((connection) => connection.endedBy)).toEqual(['origin-closed', 'origin-reset']);
  });

  test('after half a close the origin still reads', async () => {
    const origin = await start({ thread, rules: always(answer(), halfClose()) });
    const client = await connect(origin);
    client.socket.allowHalfOpen = true;
    await client.get('/first');
    await client.ended();
    client.write('GET /second HTTP/1.1\r\nHost: h\r\n\r\n');
    await origin.until(() => origin.requests.length === 2);
    expect(origin.requests[1]?.path).toBe('/second');
  });

  test('bytes that come in can end a connection in the middle of a request', async () => {
    const origin = await start({ thread, rules: [{ at: 'connection', steps: [afterBytesIn(60, [reset()])] }] });
    const client = await connect(origin);
    client.write('POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n');
    client.write('x'.repeat(500));
    expect(await client.ended()).toBe('rst');
    expect(origin.requests.filter((request) => request.complete)).toEqual([]);
  });

  test('an idle connection is answered 408 and closed, each time that it was idle for long', async () => {
    const goodbye = [answer({ status: 408 }), close()];
    const rules: Rule[] = [
      { at: 'connection', when: { connection: 0 }, steps: [whenIdle(20, goodbye)] },
      // Long enough for a request to come before it, on a loaded machine, too.
      { at: 'connection', steps: [whenIdle(1_000, goodbye)] },
    ];
    const origin = await start({ thread, rules });
    const unused = await connect(origin);
    expect((await unused.readResponse()).status).toBe(408);
    const used = await connect(origin);
    expect((await used.get('/')).status).toBe(200);
    expect((await used.readResponse()).status).toBe(408);
    expect(await used.ended()).toBe('fin');
  });

  test('every third response is followed by a close that nothing announces', async () => {
    const rules: Rule[] = [
      { when: { everyOnConnection: 3 }, steps: [execute(), answer(), close()] },
      { steps: [execute(), answer()] },
    ];
    const origin = await start({ thread, rules });
    const client = await connect(origin);
    const fields: (readonly string[])[] = [];
    for (const path of ['/1', '/2', '/3']) fields.push((await client.get(path)).rawHeaders);
    expect(new Set(fields.map(String)).size).toBe(1);
    expect(await client.ended()).toBe('fin');
  });

  test('rules fit by connection and by number', async () => {
    const rules: Rule[] = [
      { when: { connection: 1 }, steps: [answer({ body: 'second connection' })] },
      { when: { request: 0 }, steps: [answer({ body: 'very first' })] },
      { when: { requestOnConnection: 1 }, steps: [answer({ body: 'second of its connection' })] },
      { when: { method: 'PUT' }, steps: [answer({ body: 'put' })] },
    ];
    const origin = await start({ thread, rules });
    const first = await connect(origin);
    const second = await connect(origin);
    const bodies = [await first.get('/'), await first.get('/'), await second.get('/')].map(
      (response) => `${response.body}`,
    );
    first.write('PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n1');
    bodies.push(`${(await first.readResponse()).body}`);
    expect(bodies).toEqual(['very first', 'second of its connection', 'second connection', 'put']);
  });

  test('a stalled connection stays open, records what comes and answers nothing', async () => {
    const origin = await start({ thread, rules: always(execute(), stall(), answer()) });
    const client = await connect(origin);
    client.write('GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n');
    await origin.until(() => origin.requests.length === 2);
    expect([client.received.length, origin.openConnections, origin.executions('/2')]).toEqual([0, 1, 0]);
  });

  test('whoever holds at a gate goes on when it is released, and later ones pass', async () => {
    const origin = await start({ thread, rules: always(hold('door'), execute(), answer()) });
    const client = await connect(origin);
    const response = client.get('/1');
    await origin.until(() => origin.connections[0]?.steps.includes('hold') === true);
    const before = origin.executions('/1');
    await origin.release('door');
    await response;
    await client.get('/2');
    expect([before, origin.executions('/1'), origin.executions('/2')]).toEqual([0, 1, 1]);
  });

  test('Expect is answered 100 by itself, and otherwise when the script says so', async () => {
    const origin = await start({
      thread,
      rules: [{ at: 'head', when: { path: '/never' }, steps: [inform(100), stall()] }],
    });
    const post = (path: string): string =>
      `POST ${path} HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n`;
    const client = await connect(origin);
    client.write(post('/good'));
    const statuses = [(await client.readResponse()).status];
    client.write('ok');
    statuses.push((await client.readResponse()).status);
    client.write(post('/never'));
    statuses.push((await client.readResponse()).status);
    client.write('ok');
    await origin.until(() => origin.requests[1]?.complete === true);
    expect([statuses, client.unread.length, origin.executions('/never')]).toEqual([[100, 200, 100], 0, 0]);
  });

  test('an answer from the head comes before the body, and only once', async () => {
    const rules: Rule[] = [{ at: 'head', steps: [answer({ status: 503 })] }];
    const origin = await start({ thread, rules });
    const client = await connect(origin);
    client.write('POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n');
    const response = await client.readResponse();
    client.write('late');
    await origin.until(() => origin.requests[0]?.complete === true);
    const second = await client.get('/');
    expect([response.status, second.status, client.unread.length]).toEqual([503, 503, 0]);
  });

  test('an interim response comes before the answer', async () => {
    const origin = await start({ thread, rules: always(inform(103, { Link: '</a>' }), answer()) });
    const client = await connect(origin);
    const early = await client.get('/');
    expect([early.status, early.headers.link, (await client.readResponse()).status]).toEqual([103, '</a>', 200]);
  });

  test('garbage and stray bytes are sent as they are, on request or by order of the test', async () => {
    const origin = await start({ thread, rules: always(send('\x00\xffnot http')) });
    const client = await connect(origin);
    client.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
    await client.bytes(10);
    await origin.play(0, [send('stray')]);
    expect((await client.bytes(15)).toString('latin1')).toBe('\x00\xffnot httpstray');
  });

  test('every byte of a request is recorded, and its parts are told apart', async () => {
    const origin = await start({ thread });
    const client = await connect(origin);
    const raw =
      'PUT /p?q HTTP/1.1\r\nHost: h\r\nX-A: 1\r\nx-a:  2 \r\nTransfer-Encoding: chunked\r\n\r\n' +
      '3;e=1\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 5\r\n\r\n';
    for (const byte of raw) client.write(byte);
    await client.readResponse();
    const [request] = origin.requests;
    expect(origin.connections[0]?.received.toString('latin1')).toBe(raw);
    expect({ ...request, body: request?.body.toString() }).toMatchObject({
      ...{ index: 0, connection: 0, onConnection: 0, method: 'PUT', path: '/p?q', version: '1.1', complete: true },
      rawHeaders: ['Host', 'h', 'X-A', '1', 'x-a', '2', 'Transfer-Encoding', 'chunked'],
      headers: { 'x-a': '1, 2' },
      rawTrailers: ['X-Sum', '5'],
      body: 'abcde',
    });
  });

  test('a request that is not HTTP is recorded as garbage', async () => {
    const origin = await start({ thread });
    const client = await connect(origin);
    client.write('hello?\r\n\r\n');
    await origin.until(() => origin.connections[0]?.garbage !== undefined);
    expect(origin.connections[0]?.garbage).toContain('hello?');
  });

  test('a listener that is stopped refuses, keeps what it had, and listens again on its port', async () => {
    const origin = await start({ thread });
    const before = await connect(origin);
    await origin.until(() => origin.connectionsAccepted === 1);
    await origin.stopListening();
    await expect(RawClient.connect(origin)).rejects.toThrow('ECONNREFUSED');
    expect((await before.get('/kept')).status).toBe(200);
    await origin.listen();
    const after = await connect(origin);
    expect((await after.get('/new')).status).toBe(200);
  });

  test.each(['close', 'reset'] as const)('a stopped listener can %s its connections', async (how) => {
    const origin = await start({ thread });
    const client = await connect(origin);
    await client.get('/');
    await origin.stopListening(how);
    expect(await client.ended()).toBe(how === 'close' ? 'fin' : 'rst');
  });

  test('a client that leaves is seen to have left', async () => {
    const origin = await start({ thread, rules: always(stall()) });
    const one = await connect(origin);
    const two = await connect(origin);
    await origin.until(() => origin.connectionsAccepted === 2);
    const before = origin.openConnections;
    one.destroy();
    two.reset();
    await origin.until(
      () => origin.openConnections === 0 && origin.connections.every((connection) => connection.closed),
    );
    expect([before, origin.connections.map((connection) => connection.endedBy)]).toEqual([
      2,
      ['client-closed', 'client-reset'],
    ]);
  });

  test('the most connections at once are counted', async () => {
    const origin = await start({ thread });
    for (let round = 0; round < 3; round += 1) {
      const clients = [await connect(origin), await connect(origin)];
      await origin.until(() => origin.openConnections === 2);
      for (const client of clients) client.destroy();
      await origin.until(() => origin.openConnections === 0);
    }
    expect([origin.mostOpenConnections, origin.connectionsAccepted]).toEqual([2, 6]);
  });

  test('TLS is spoken with a certificate, and close and reset work there too', async () => {
    const rules: Rule[] = [
      { when: { path: '/close' }, steps: [close()] },
      { when: { path: '/reset' }, steps: [reset()] },
    ];
    const origin = await start({ thread, tls: { key, cert }, rules });
    const endings: string[] = [];
    for (const path of ['/close', '/reset']) {
      const client = await connect({ port: origin.port, ca: authority });
      expect((await client.get('/')).status).toBe(200);
      client.write(`GET ${path} HTTP/1.1\r\nHost: h\r\n\r\n`);
      endings.push(await client.ended());
    }
    await origin.until(() => origin.connections.every((connection) => connection.closed));
    expect([origin.url.slice(0, 6), endings]).toEqual(['https:', ['fin', 'rst']]);
    expect(origin.connections[0]?.tls).toEqual({ resumed: false, servername: 'localhost' });
  });

  test('a TLS client that leaves as it is reset holds up neither the step nor close', async () => {
    const origin = await start({ thread, tls: { key, cert } });
    for (let round = 0; round < 8; round += 1) {
      const client = await connect({ port: origin.port, ca: authority });
      await client.get('/');
      client.end();
      await new Promise((resolve) => setImmediate(resolve));
      await origin.play(round, [send('x'), reset()]);
    }
    await origin.close();
    expect(origin.openConnections).toBe(0);
  });

  test('a TLS handshake can be stalled', async () => {
    const origin = await start({ thread, tls: { key, cert }, rules: [{ at: 'connection', steps: [stall()] }] });
    const client = await connect({ port: origin.port });
    await origin.until(() => origin.connections[0]?.steps.includes('stall') === true);
    expect([client.received.length, origin.connections[0]?.tls]).toEqual([0, undefined]);
  });

  test('a unix socket is listened on', async () => {
    const socketPath = join(tmpdir(), `origin-${randomUUID()}.sock`);
    const origin = await start({ thread, socketPath });
    const client = await connect({ socketPath });
    expect([(await client.get('/')).status, origin.url]).toEqual([200, 'http://localhost']);
  });

  test('rules can be replaced', async () => {
    const origin = await start({ thread, rules: always(answer({ body: 'old' })) });
    const client = await connect(origin);
    const old = await client.get('/');
    await origin.setRules(always(answer({ body: 'new' })));
    expect([`${old.body}`, `${(await client.get('/')).body}`]).toEqual(['old', 'new']);
  });

  test('an origin that stops reading fills the window of the sender until it reads on', async () => {
    const origin = await start({
      thread,
      rules: [{ at: 'connection', when: { connection: 0 }, steps: [stopReading()] }],
    });
    const stopped = await connect(origin);
    await origin.until(() => origin.connections[0]?.steps.includes('stop-reading') === true);
    const other = await connect(origin);
    const size = 16_777_216;
    for (const client of [stopped, other]) {
      client.write(`POST / HTTP/1.1\r\nHost: h\r\nContent-Length: ${size}\r\n\r\n`);
      client.write(Buffer.alloc(size));
    }
    await other.readResponse();
    const [kept, sent] = [stopped.socket.writableLength, other.socket.writableLength];
    await origin.play(0, [readOn()]);
    await stopped.readResponse();
    expect({ kept: kept > 0, sent, body: origin.requests[1]?.body.length }).toEqual({
      kept: true,
      sent: 0,
      body: size,
    });
  });

  test('waiting for what does not come fails with what was seen', async () => {
    const origin = await start({ thread });
    const client = await connect(origin);
    await client.get('/seen');
    await expect(origin.until(() => origin.requests.length === 2, 30)).rejects.toThrow(/after 30 ms.*GET \/seen/s);
  });

  test('a question that throws when it is asked again fails its test, and the origin goes on', async () => {
    const origin = await start({ thread });
    const asked = origin.until(() => origin.requests.length > 0 && JSON.parse('not JSON'));
    const failed = expect(asked).rejects.toThrow(SyntaxError);
    const client = await connect(origin);
    expect((await client.get('/')).status).toBe(200);
    await failed;
  });

  test('a certificate that is none is an error that says so', async () => {
    await expect(ScriptedOrigin.start({ thread, tls: { key: 'none', cert: 'none' } })).rejects.toThrow('PEM');
  });

  test('an origin can be closed by two at once', async () => {
    const origin = await start({ thread });
    const closed = await Promise.allSettled([origin.close(), origin.close()]);
    expect(closed.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled']);
  });

  test('a port that is taken is an error, and a command to a connection that never was too', async () => {
    const origin = await start({ thread });
    await expect(ScriptedOrigin.start({ thread, port: origin.port })).rejects.toThrow('EADDRINUSE');
    await expect(origin.play(3, [close()])).rejects.toThrow('no connection 3');
  });

  test('closing ends connections, gates, waits and whoever waits for the origin', async () => {
    const origin = await start({ thread, rules: always(execute(), wait(60_000), answer()) });
    const client = await connect(origin);
    client.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
    await origin.until(() => origin.executions('/') === 1);
    const never = expect(origin.until(() => false, 60_000)).rejects.toThrow('closed while');
    await origin.close();
    await never;
    expect([client.received.length, origin.openConnections]).toEqual([0, 0]);
    await client.ended();
  });
});

test('a script is a function of the request and its place', async () => {
  const origin = await start({
    script: ({ request, connection, requestOnConnection }) =>
      request.path === '/else'
        ? undefined
        : [execute(), answer({ body: `${connection}.${requestOnConnection} ${request.method}` })],
    rules: [{ steps: [answer({ body: 'by rule' })] }],
  });
  const client = await connect(origin);
  const bodies = [await client.get('/'), await client.get('/'), await client.get('/else')].map(({ body }) => `${body}`);
  expect(bodies).toEqual(['0.0 GET', '0.1 GET', 'by rule']);
});

test('a script cannot cross to a thread', async () => {
  await expect(ScriptedOrigin.start({ thread: true, script: () => [] })).rejects.toThrow(TypeError);
});

test('an origin without a thread cannot be blocked for', async () => {
  const origin = await start();
  expect(() => origin.blockUntil(() => true)).toThrow(TypeError);
});

test('a thread acts while the event loop is blocked, and what it did is seen there', async () => {
  const origin = await start({ thread: true });
  const client = await connect(origin);
  await client.get('/');
  const [connection] = origin.connections;
  void origin.play(0, [send('stray'), close()]);
  origin.blockUntil(() => connection?.closed === true);
  const unreadWhileBlocked = client.unread.length;
  await client.ended();
  expect([unreadWhileBlocked, client.unread.toString()]).toEqual([0, 'stray']);
});

test('blocking for what does not come fails with what was seen', async () => {
  const origin = await start({ thread: true });
  expect(() => origin.blockUntil(() => origin.requests.length === 1, 20)).toThrow(/after 20 ms.*0 connections/s);
});
