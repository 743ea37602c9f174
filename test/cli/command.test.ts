import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, get, type IncomingMessage, request, type Server } from 'node:http';
import { connect } from 'node:net';
import { join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { freePort } from '../../bench/rig/listen.mjs';
import { commandOptions } from '../../src/cli/command-options.js';
import { listen } from '../mount/setting.js';
import { buildCommand, Command, ownFolder } from './command.js';

let file: string;
beforeAll(async () => {
  file = await buildCommand();
});

const start = (flags: readonly string[], env?: Record<string, string>) => new Command(file, flags, env);

/** An origin that answers with the path, `/slow` when it is told to. */
async function startOrigin(): Promise<{ url: string; answerSlow: () => void; asked: Promise<void> }> {
  let answerSlow: () => void = () => undefined;
  let wasAsked: () => void = () => undefined;
  const asked = new Promise<void>((resolve) => {
    wasAsked = resolve;
  });
  const server = createServer((req, res) => {
    if (req.url !== '/slow') {
      res.end(req.url);
      return;
    }
    answerSlow = () => void res.end('at last');
    wasAsked();
  });
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket) => socket.on('message', (text) => socket.send(String(text))));
  const url = `http://127.0.0.1:${await listen(server)}`;
  return { url, asked, answerSlow: () => answerSlow() };
}

/** A gateway on a port of its own. */
async function startGateway(...flags: string[]) {
  const origin = await startOrigin();
  const command = start(['--listen', '127.0.0.1:0', '--origin', origin.url, ...flags]);
  const address = await command.says(/listening on=(\S+)/);
  return { origin, command, url: `http://${address}` };
}

describe('says and ends', () => {
  test('--help lists every option', async () => {
    const { code, out, err } = await start(['--help']).ended;
    expect([code, err]).toEqual([0, '']);
    expect(commandOptions.filter(({ flag }) => !new RegExp(`^ {2}${flag}[, ]`, 'm').test(out))).toEqual([]);
    expect(out.match(/--\w+, -\w/g)).toEqual([
      '--listen, -l',
      '--origin, -o',
      '--config, -c',
      '--help, -h',
      '--version, -v',
    ]);
    expect(Math.max(...out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(125);
  });

  test('--help offers nothing that only a program can give', async () => {
    const { out } = await start(['--help']).ended;
    expect(out.match(/=>|\bfunction|\bpick\b|in a cluster/g)).toBe(null);
  });

  test('--version is that of the package', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
    expect(await start(['-v']).ended).toEqual({ code: 0, out: `${version}\n`, err: '' });
  });

  test('--check of what is right, from flags, environment and file', async () => {
    const config = join(ownFolder(), 'gateway.json');
    // Editors of Windows begin it with a mark.
    writeFileSync(config, `\uFEFF${JSON.stringify({ listen: 8080, status: '/status', maxConnections: 50 })}`);
    const env = { POOLED_BACKEND_ORIGINS: 'http://a.test,http://b.test', POOLED_BACKEND_CONFIG: config };
    expect(await start(['--check', '--status', 'off'], env).ended).toEqual({
      code: 0,
      out: 'the options are right\n  listen   *:8080\n  status   off\n  metrics  off\n  origins  http://a.test, http://b.test\n',
      err: '',
    });
  });

  test('all that is wrong, one sentence a line, but for what a file that cannot be read may hold', async () => {
    const { code, out, err } = await start(['--check', '--origin', 'a', '--max-conections', '5', '--config', 'no.json'])
      .ended;
    expect([code, out]).toEqual([2, '']);
    expect(err.trimEnd().split('\n')).toEqual([
      'pooled-backend: unknown option --max-conections (did you mean --max-connections?)',
      expect.stringMatching(/^pooled-backend: cannot read no\.json: ENOENT/),
      expect.stringMatching(/^pooled-backend: --origin\[0\] must be http:\/\/host:port/),
      'pooled-backend: --help lists the options',
    ]);
  });

  test('what is missing, with exit code 2', async () => {
    const { code, err } = await start([]).ended;
    expect(code).toBe(2);
    expect(err.split('\n').slice(0, 2)).toEqual([
      'pooled-backend: nowhere to listen: say --listen 8080',
      'pooled-backend: no origin is given: say --origin http://host:port',
    ]);
  });

  test('which port is taken, last, with exit code 1', async () => {
    const port = await listen(createServer());
    const origin = ['--origin', 'http://127.0.0.1:9'];
    for (const [whom, flags] of [
      ['clients', ['--listen', `127.0.0.1:${port}`]],
      ['metrics', ['--listen', '127.0.0.1:0', '--metrics', String(port)]],
    ] as const) {
      const { code, err } = await start([...flags, ...origin]).ended;
      const said = `pooled-backend: cannot listen for ${whom} on 127.0.0.1:${port}: it is in use (EADDRINUSE)\n`;
      expect([code, err.slice(-said.length)]).toEqual([1, said]);
    }
  });
});

describe('a unix socket', () => {
  test('that a killed gateway has left behind is taken over', async () => {
    const socketPath = join(ownFolder(), 'gateway.sock');
    const { command } = await startGateway('--listen', socketPath);
    command.kill('SIGKILL');
    await command.ended;
    await startGateway('--listen', socketPath);
    const { statusCode } = await new Promise<IncomingMessage>((resolve) => get({ socketPath, path: '/' }, resolve));
    expect(statusCode).toBe(200);
  });

  test('that is in use, and what is no socket, stays, and it says why it cannot listen', async () => {
    const folder = ownFolder();
    const [socket, other] = [join(folder, 'gateway.sock'), join(folder, 'other')];
    await startGateway('--listen', socket);
    writeFileSync(other, 'of somebody else');
    for (const [path, why] of [
      [socket, 'it is in use (EADDRINUSE)'],
      [other, 'it exists and is not a socket (EADDRINUSE)'],
      [join(folder, 'missing/gateway.sock'), 'its folder does not exist (ENOENT)'],
    ] as const) {
      const { code, err } = await start(['--listen', path, '--origin', 'http://127.0.0.1:9']).ended;
      const said = `pooled-backend: cannot listen for clients on ${path}: ${why}\n`;
      expect([code, err.slice(-said.length)]).toEqual([1, said]);
    }
    expect(existsSync(socket) && readFileSync(other, 'utf8')).toBe('of somebody else');
  });
});

describe('at work', () => {
  test('it relays requests, and upgrades', async () => {
    const { url } = await startGateway();
    expect(await (await fetch(`${url}/a?b`)).text()).toBe('/a?b');
    const socket = new WebSocket(url.replace('http', 'ws'));
    onTestFinished(() => socket.terminate());
    await new Promise((resolve) => socket.once('open', resolve));
    socket.send('hello');
    const said = await new Promise((resolve) => socket.once('message', (text) => resolve(String(text))));
    expect(said).toBe('hello');
  });

  test('the status page is for this machine, on the next port, or wherever it was told to be', async () => {
    const { command } = await startGateway();
    const page = await command.says(/status page at=(\S+)/);
    expect(page).toMatch(/^http:\/\/127\.0\.0\.1:/);
    expect((await fetch(page)).headers.get('content-type')).toContain('text/html');
  });

  test('or on a unix socket, which has no URL', async () => {
    const path = `./${relative(process.cwd(), ownFolder())}/status.sock`;
    const { command } = await startGateway('--status', path);
    expect(await command.says(/status page at=(\S+)/)).toBe(path);
  });

  test('or under a path of the same server, and nowhere else', async () => {
    const { url } = await startGateway('--status', '/ops/status', '--title', 'the shop');
    const types = ['/ops/status', '/ops/status/', '/ops/status?format=json', '/ops/status;csv'].map(async (path) => {
      return (await fetch(url + path)).headers.get('content-type')?.split(';')[0];
    });
    expect(await Promise.all(types)).toEqual(['text/html', 'text/html', 'application/json', 'text/plain']);
    expect(await (await fetch(`${url}/ops/status2`)).text()).toBe('/ops/status2');
    expect(await (await fetch(`${url}/ops/status?format=json`)).json()).toMatchObject({ title: 'the shop' });
  });

  test('metrics are where they were told to be, a path or a port of this machine', async () => {
    const { url, command } = await startGateway('--metrics', '/metrics', '--status', 'off');
    await (await fetch(`${url}/a`)).text();
    const metrics = await (await fetch(`${url}/metrics`)).text();
    expect(metrics).toMatch(/^pooled_backend_exchanges_total\{backend="default",origin="[^"]+",reused="false"\} 1$/m);
    expect(metrics).toMatch(/^process_resident_memory_bytes /m);
    expect(await command.says(/metrics at=(\S+)/)).toBe(`${url.replace('http://', '')}/metrics`);
    const other = await startGateway('--metrics', '0');
    const page = await other.command.says(/metrics at=(http:\/\/127\.0\.0\.1:\d+\/)/);
    expect((await fetch(`${page}metrics`)).headers.get('content-type')).toContain('text/plain; version=0.0.4');
    expect(await (await fetch(`${other.url}/metrics`)).text()).toBe('/metrics');
  });

  test('the default place of the page being taken, it goes on without', async () => {
    const { port } = await portBeforeOneTaken();
    const origin = await startOrigin();
    const command = start(['--listen', `127.0.0.1:${port}`, '--origin', origin.url]);
    await command.says(/warn {2}no status page: the port is taken/);
    expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(200);
  });

  test('and it is not in the way of metrics that were told to be there', async () => {
    const { port, taker } = await portBeforeOneTaken();
    await new Promise((resolve) => taker.close(resolve));
    const flags = ['--listen', `127.0.0.1:${port}`, '--metrics', `${port + 1}`, '--origin', 'http://127.0.0.1:9'];
    const command = start(flags);
    expect(await command.says(/metrics at=(\S+)/)).toBe(`http://127.0.0.1:${port + 1}/`);
    await command.says(/warn {2}no status page: the port is taken/);
  });

  test('what happens is written a line each, from the level on that was asked for', async () => {
    const command = start(['--listen', '127.0.0.1:0', '--origin', 'http://127.0.0.1:9', '--queue-timeout', '1000']);
    const url = `http://${await command.says(/listening on=(\S+)/)}`;
    expect((await fetch(`${url}/x`)).status).toBe(502);
    const line = await command.says(/^(.* dialFailed .*)$/m);
    expect(line).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z warn {2}dialFailed origin=http:\/\/127\.0\.0\.1:9 error="/);
  });

  test('that nobody reads any more what is written does not end it', async () => {
    const { url, command } = await startGateway('--log-level', 'debug');
    command.stopReading();
    for (const path of ['/a', '/b', '/c']) expect(await (await fetch(url + path)).text()).toBe(path);
  });

  test('or nothing at all is written', async () => {
    const { port } = await portBeforeOneTaken();
    const quiet = start([
      ...['--listen', `127.0.0.1:${port}`, '--origin', 'http://127.0.0.1:9', '--queue-timeout', '1000'],
      ...['--log-level', 'silent'],
    ]);
    let hasEnded = false;
    quiet.ended.then(() => {
      hasEnded = true;
    });
    let status: number | undefined;
    while (status === undefined && !hasEnded) status = await statusOf(`http://127.0.0.1:${port}/`);
    quiet.kill('SIGTERM');
    expect([status, (await quiet.ended).err]).toEqual([502, '']);
  });
});

/** A free port, and the one after it is not: the page of the command would be there. */
async function portBeforeOneTaken(): Promise<{ port: number; taker: Server }> {
  for (;;) {
    const port = await freePort();
    const taker = createServer();
    const isTaken = await new Promise<boolean>((resolve) => {
      taker.once('error', () => resolve(false));
      taker.listen(port + 1, '127.0.0.1', () => resolve(true));
    });
    if (!isTaken) continue;
    onTestFinished(() => void taker.close());
    return { port, taker };
  }
}

/** `undefined` while nobody listens there: asked again a little later, so that whoever starts has the machine. */
async function statusOf(url: string): Promise<number | undefined> {
  const response = await fetch(url).catch(() => undefined);
  if (response === undefined) await sleep(20);
  return response?.status;
}

/** The response head of a GET, its body to come. */
function begin(url: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => get(url, { agent: false }, resolve).once('error', reject));
}

/** A connection that comes with the end of listening may be reset, unread. */
async function untilRefused(url: string): Promise<void> {
  for (;;) {
    const response = await begin(url).catch(({ code }: NodeJS.ErrnoException) => code);
    if (response === 'ECONNREFUSED') return;
    if (typeof response === 'object') await once(response.resume(), 'end');
  }
}

describe.each(['SIGTERM', 'SIGINT'] as const)('at %s', (signal) => {
  test('it finishes what it has begun, takes nothing new after its farewell, and ends with 0', async () => {
    const { command, origin, url } = await startGateway();
    const slow = fetch(`${url}/slow`);
    await origin.asked;
    command.kill(signal);
    await command.says(/closing inFlight=1/);
    await untilRefused(url);
    origin.answerSlow();
    expect(await (await slow).text()).toBe('at last');
    expect(await command.ended).toMatchObject({ code: 0, err: expect.stringContaining('closed') });
  });

  test('it cuts off what is not finished in time, and ends with 1', async () => {
    const { command, origin, url } = await startGateway('--drain-timeout', '200');
    const slow = fetch(`${url}/slow`);
    await origin.asked;
    command.kill(signal);
    expect((await slow).status).toBe(503);
    expect(await command.ended).toMatchObject({
      code: 1,
      err: expect.stringContaining('requests were cut off count=1'),
    });
  });

  test('a request whose body is still on its way is cut off, too', async () => {
    const { command, url } = await startGateway('--drain-timeout', '200');
    const { hostname: host, port } = new URL(url);
    const upload = connect(Number(port), host).on('error', () => undefined);
    const answer = once(upload, 'data');
    upload.write('GET / HTTP/1.1\r\nHost: a\r\n\r\nPOST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\na');
    await answer;
    command.kill(signal);
    expect(await command.ended).toMatchObject({
      code: 1,
      err: expect.stringContaining('requests were cut off count=1'),
    });
  });

  test('a second one ends it at once', async () => {
    const { command, origin, url } = await startGateway();
    const slow = fetch(`${url}/slow`).catch(() => undefined);
    await origin.asked;
    command.kill(signal);
    await command.says(/closing/);
    command.kill(signal);
    expect((await command.ended).code).toBe(signal === 'SIGINT' ? 130 : 143);
    await slow;
  });
});

test('a reader of what is written that stops to read neither holds it back nor makes it keep all of that', async () => {
  const { command, url } = await startGateway('--log-level', 'debug');
  command.pauseReading();
  // Each is in three lines, at least.
  const [requests, length] = [60, 10_000];
  for (let one = 0; one < requests; one += 1) await (await fetch(`${url}/${'x'.repeat(length)}`)).text();
  command.kill('SIGTERM');
  const { code, err } = await command.ended;
  expect(code).toBe(0);
  expect(err.length).toBeLessThan(3 * requests * length);
});

test('tunnels end with the last request', async () => {
  const { command, url } = await startGateway();
  const socket = new WebSocket(url.replace('http', 'ws'));
  await new Promise((resolve) => socket.once('open', resolve));
  const closed = new Promise((resolve) => socket.once('close', resolve).on('error', () => undefined));
  command.kill('SIGTERM');
  await closed;
  expect((await command.ended).code).toBe(0);
});

test('clients that keep their connection do not hold it back, nor do those who watch', async () => {
  const { command, url } = await startGateway('--status', '/status');
  const kept = request(`${url}/kept`, { agent: false, headers: { Connection: 'keep-alive' } });
  const response = await new Promise<IncomingMessage>((resolve) => kept.once('response', resolve).end());
  response.resume();
  const watching = await begin(`${url}/status?format=events`);
  watching.resume();
  watching.on('error', () => undefined);
  command.kill('SIGTERM');
  expect((await command.ended).code).toBe(0);
});
