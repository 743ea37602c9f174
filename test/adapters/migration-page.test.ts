/** Each pair of blocks of the page for users of http-proxy-middleware, run in three ways: all have to answer alike. */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { bundled } from '../bundled.js';
import { listen } from '../mount/setting.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const FOLDER = 'node_modules/.cache/pooled-backend/migration';
const page = readFileSync(`${ROOT}docs/migrate-from-http-proxy-middleware.md`, 'utf8');

const sections = [
  ...page.matchAll(/^## (.*)\n[^#]*?^```ts before\n([\s\S]*?)^```\n\n^```ts after\n([\s\S]*?)^```/gm),
].map(([, title = '', before = '', after = '']) => ({ title, before, after }));

interface Running {
  readonly app: RequestListener;
  readonly server?: Server;
}

let programs = 0;

/** The block as a program with these origins in the place of those that it names. Resolves to its port. */
async function run(block: string, ports: readonly [number, number]): Promise<number> {
  const name = `block-${programs++}`;
  const code = block.replaceAll(':9001', `:${ports[0]}`).replaceAll(':9002', `:${ports[1]}`);
  mkdirSync(ROOT + FOLDER, { recursive: true });
  const names = code.includes('const server') ? 'app, server' : 'app';
  writeFileSync(`${ROOT}${FOLDER}/${name}.ts`, `${code}\nexport { ${names} };\n`);
  const program: Running = await import(pathToFileURL(await bundled(`${FOLDER}/${name}.ts`)).href);
  return listen(program.server ?? createServer(program.app));
}

/** Tells what it was asked, with what these pages change. */
async function echo(name: string): Promise<number> {
  const server = createServer((req, res) => {
    const { host } = req.headers;
    res.statusCode = req.url?.startsWith('/moved') ? 302 : 201;
    if (res.statusCode === 302) res.setHeader('Location', `http://${host}/there?a=b`);
    res.setHeader('X-Internal', 'yes');
    res.setHeader('Set-Cookie', ['a=1; Domain=origin.test; Path=/', 'b=2; Path=/deep']);
    res.end(JSON.stringify({ name, ...seen(req, port) }));
  });
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket, req) => socket.send(`${name} ${req.url}`));
  const port = await listen(server);
  onTestFinished(() => void sockets.close());
  return port;
}

function seen({ method, url, headers }: IncomingMessage, port: number) {
  const { host = '', authorization, 'x-gateway': gateway, 'x-method': told, 'x-secret': secret } = headers;
  return { method, url, host: host.replace(String(port), 'ORIGIN'), authorization, gateway, told, secret };
}

const REQUESTS = ['/api/old/a?b=c', '/api/old', '/files/a', '/moved', '/', '/other'];

/** What a client sees of each request. */
async function answers(port: number): Promise<unknown[]> {
  const found: unknown[] = [];
  for (const path of REQUESTS) {
    for (const method of ['GET', 'POST']) {
      const response = await fetch(`http://127.0.0.1:${port}${path}`, {
        method,
        redirect: 'manual',
        headers: { 'X-Secret': 'hidden' },
        ...(method === 'POST' && { body: 'hello' }),
      });
      const { status, headers } = response;
      const text = `${await response.text()} ${headers.get('location')}`.replaceAll(String(port), 'FRONT');
      found.push([
        path,
        method,
        status,
        text,
        headers.getSetCookie(),
        headers.get('x-served-by'),
        headers.get('x-internal'),
      ]);
    }
  }
  return found;
}

const inThreeWays = ({ before, after }: { before: string; after: string }) => [
  before,
  before.replace("'http-proxy-middleware'", "'pooled-backend/http-proxy-middleware'"),
  after,
];

test('the page has its pairs of blocks', () => {
  expect(sections.map(({ title }) => title)).toEqual([
    ...['Target, paths and Host', 'Fields of requests and responses', 'Cookies and redirects'],
    ...['Which requests, and where to', 'Errors', 'WebSocket'],
  ]);
});

test.each(sections)('$title: the blocks answer requests alike', async (section) => {
  const ports = [await echo('first'), await echo('second')] as const;
  const [theirs, carried, ours] = await Promise.all(inThreeWays(section).map((block) => run(block, ports)));
  const wanted = await answers(theirs ?? 0);
  expect(await answers(carried ?? 0)).toEqual(wanted);
  expect(await answers(ours ?? 0)).toEqual(wanted);
});

test('Errors: the blocks tell alike of an origin that hangs up', async () => {
  const origin = createServer((req) => void req.socket.destroy());
  const port = await listen(origin);
  const section = sections.find(({ title }) => title === 'Errors') ?? { before: '', after: '' };
  for (const block of inThreeWays(section)) {
    const response = await fetch(`http://127.0.0.1:${await run(block, [port, port])}/`, { method: 'POST' });
    expect([response.status, await response.text()]).toEqual([502, 'not now']);
  }
});

test('WebSocket: the blocks pass a message', async () => {
  const port = await echo('room');
  const section = sections.find(({ title }) => title === 'WebSocket') ?? { before: '', after: '' };
  for (const block of inThreeWays(section)) {
    const socket = new WebSocket(`ws://127.0.0.1:${await run(block, [port, port])}/rooms/7`);
    onTestFinished(() => socket.terminate());
    const heard = await new Promise((resolve, reject) => {
      socket.once('message', (data) => resolve(String(data))).once('error', reject);
    });
    expect(heard).toBe('room /rooms/7');
  }
});
