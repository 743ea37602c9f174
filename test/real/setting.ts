/** What the tests in front of real servers begin and end with. */

import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type OriginStats, PooledBackend, type PooledBackendOptions } from 'pooled-backend';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { type Child, startChild, startProgram } from '../../bench/rig/child.mjs';
import { accepting, listen } from '../../bench/rig/listen.mjs';

const PATIENCE_MS = 30_000; // a loaded machine is slow, not wrong

const required = process.env.REQUIRE_REAL_SERVERS === '1';
const closing: (() => unknown)[] = [];

/** Called when the test is over, last come, first served. */
export function atEnd(close: () => unknown): void {
  closing.push(close);
}

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** The file of a program, wherever Debian puts it. */
export function findProgram(name: string, versionFlag = '-v'): string | undefined {
  return [name, `/usr/sbin/${name}`].find((file) => spawnSync(file, [versionFlag]).status === 0);
}

/** Tests that need a program. Without it they are skipped and say so, or fail where REQUIRE_REAL_SERVERS is 1. */
export function describeWith(file: string | undefined, program: string, name: string, tests: (file: string) => void) {
  if (file !== undefined) describe(name, () => tests(file));
  else if (required) test(`${name}: ${program} is installed`, () => expect.unreachable(`${program} is not installed`));
  else test.skip(`${name}: ${program} is not installed`, () => undefined);
}

/** A folder of the test's own, removed with it. */
export function ownFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'pooled-backend-real-'));
  chmodSync(folder, 0o755); // servers that root starts are somebody else
  atEnd(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export interface Running {
  kill(signal: NodeJS.Signals): void;
}

/** A program in the foreground, ended with the test by its own pid. Resolves when it accepts on `port`. */
export async function run(
  file: string,
  words: readonly string[],
  port: number,
  signal: NodeJS.Signals = 'SIGTERM',
): Promise<Running> {
  const program = startProgram(file, [...words], { signal });
  atEnd(() => program.stop());
  await accepting(port, program.gone);
  return program;
}

/** A Node server of its own process. */
export interface NodeOrigin {
  readonly port: number;
  /** Killed, and back on its port. */
  restart(): Promise<void>;
}

/** node:http as it comes. It writes each request that it executes into `log`, as `METHOD path`. */
export async function startNodeOrigin(log: string): Promise<NodeOrigin> {
  const module = new URL('node-origin.mjs', import.meta.url);
  let child: Child = await startChild(module, { log });
  const { port } = child.ready;
  atEnd(() => child.stop());
  return {
    port,
    async restart() {
      await child.stop('SIGKILL');
      child = await startChild(module, { log, port });
    },
  };
}

export function originUrls(origins: readonly NodeOrigin[]): string[] {
  return origins.map(({ port }) => `http://127.0.0.1:${port}`);
}

/** One after the other, each once the one before is in use again: no request meets two deaths. Twice each. */
export async function restartInTurn(origins: readonly NodeOrigin[], { backends }: Proxy): Promise<void> {
  for (const place of [...origins.keys(), ...origins.keys()]) {
    await origins[place]?.restart();
    const back = () => backends.every((backend) => isBack(backend.stats().origins[place]));
    await vi.waitFor(() => expect(back()).toBe(true), { timeout: PATIENCE_MS });
  }
}

/** An origin that is ejected is not dialled for the minimum. */
function isBack(origin: OriginStats | undefined): boolean {
  return origin !== undefined && (origin.connections.open > 0 || origin.health.state === 'ejected');
}

/** Lines of a log that is there, or will be once something is in it. */
export function linesOf(log: string): string[] {
  try {
    return readFileSync(log, 'utf8')
      .split('\n')
      .filter((line) => line !== '');
  } catch {
    return [];
  }
}

const MODES = ['fresh', 'verified', 'any'] as const;

export interface Proxy {
  readonly port: number;
  /** One for each mode, on the paths `/mode/…`. */
  readonly backends: readonly PooledBackend[];
}

/** A server in front of these origins, with a backend for each mode. */
export async function startProxy(urls: readonly string[], options: Partial<PooledBackendOptions> = {}): Promise<Proxy> {
  const backends = MODES.map(
    (nonIdempotent) =>
      new PooledBackend({
        origins: [...urls],
        maxConnections: 20,
        queueTimeout: PATIENCE_MS,
        ...options,
        nonIdempotent,
      }),
  );
  const handlers = backends.map((backend) => backend.handler());
  const server = createServer((req, res) => {
    const mode = MODES.findIndex((name) => req.url?.startsWith(`/${name}/`));
    handlers[mode]?.(req, res);
  });
  server.keepAliveTimeout = 60_000; // the load is not to meet the front's own
  const port = await listen(server);
  atEnd(async () => {
    server.closeAllConnections();
    server.close();
    await Promise.all(backends.map((backend) => backend.close({ timeout: 1000 })));
  });
  return { port, backends };
}

export interface Done {
  readonly requests: number;
  readonly errors: Readonly<Record<string, number>>;
}

export interface Load {
  /** One after the other on each of its connections, so many in all. */
  count(requests: number): Promise<Done>;
  for(seconds: number): Promise<Done>;
  /** All so far. */
  readonly done: { requests: number; errors: Record<string, number> };
}

/** Keep-alive clients in their own process: only a proxy that is kept busy from outside meets a close with a request. */
export async function startLoad(port: number, method: 'GET' | 'POST', connections: number): Promise<Load> {
  const body = method === 'GET' ? '' : 'content-length: 4\r\n\r\nbody';
  const request = MODES.map((mode) => `${method} /${mode}/{n} HTTP/1.1\r\nhost: x\r\n${body === '' ? '\r\n' : body}`);
  const child = await startChild(new URL('../../bench/rig/load.mjs', import.meta.url), { port, connections, request });
  atEnd(() => child.stop());
  const done: Load['done'] = { requests: 0, errors: {} };
  const ask = async (bounds: object): Promise<Done> => {
    const result = await child.ask('run', bounds);
    done.requests += result.requests;
    for (const [name, times] of Object.entries<number>(result.errors)) {
      done.errors[name] = (done.errors[name] ?? 0) + times;
    }
    return result;
  };
  return { done, count: (requests) => ask({ requests }), for: (seconds) => ask({ seconds }) };
}

interface Waves {
  /** In which a close meets the next wave. */
  readonly races?: number;
  /** Longer ones, from which the limit can be learned. */
  readonly lessons?: number;
  /** More lessons follow until this holds: on a loaded machine the ages at which closes are seen differ. */
  readonly learned: () => boolean;
}

const MOST_LESSONS = 12;

/** Waves of requests with pauses about as long as the origin keeps idle connections. */
export async function meetIdleCloses(
  loads: readonly Load[],
  limitMs: number,
  { races = 3, lessons = 3, learned }: Waves,
): Promise<void> {
  const wave = () => Promise.all(loads.map((load) => load.count(60)));
  await wave();
  for (let race = 0; race < races; race += 1) {
    await sleep(limitMs - 15 + 6 * race);
    await wave();
  }
  for (let lesson = 0; lesson < lessons || (lesson < MOST_LESSONS && !learned()); lesson += 1) {
    await sleep(limitMs + 400);
    await wave();
  }
}

/** What must hold in front of any server. `executed` reads its own lines, `METHOD path`. */
export async function expectPromises(gets: Load, posts: Load, executed: () => readonly string[]): Promise<void> {
  const ofPosts = await executedPosts(executed, posts.done.requests);
  const twice = ofPosts.filter((line, place) => ofPosts.indexOf(line) !== place);
  expect(gets.done.errors).toEqual({});
  expect(twice).toEqual([]);
  expect(posts.done.requests).toBeGreaterThan(0);
}

/** The POSTs of a log, once there are so many: a server writes its line after the answer, and later on its way out. */
export async function executedPosts(executed: () => readonly string[], answered: number): Promise<readonly string[]> {
  const posts = () => executed().filter((line) => line.startsWith('POST'));
  await vi.waitFor(() => expect(posts().length).toBeGreaterThanOrEqual(answered), { timeout: PATIENCE_MS });
  await sleep(200); // one that was executed twice has a line more
  return posts();
}

/** Clients load `port` for so long at least, something befalls the servers behind it, and no promise is broken. */
export async function expectPromisesWhile(
  disturb: () => Promise<unknown>,
  { port, seconds, logs }: { readonly port: number; readonly seconds: number; readonly logs: readonly string[] },
): Promise<void> {
  const [gets, posts] = [await startLoad(port, 'GET', 24), await startLoad(port, 'POST', 12)];
  let isOver = false;
  const untilOver = async (load: Load) => {
    do await load.for(seconds);
    while (!isOver);
  };
  const loading = Promise.all([gets, posts].map(untilOver));
  await disturb();
  isOver = true;
  await loading;
  await expectPromises(gets, posts, () => logs.flatMap(linesOf));
}

/** A server that closes connections after `limitMs` idle: no promise is broken, and what is learned of it ends below that. */
export async function expectIdleLimitBelow(
  limitMs: number,
  server: { readonly url: string; readonly log: string },
  waves: Omit<Waves, 'learned'> = {},
): Promise<void> {
  const proxy = await startProxy([server.url]);
  const [gets, posts] = [await startLoad(proxy.port, 'GET', 12), await startLoad(proxy.port, 'POST', 6)];
  await meetIdleCloses([gets, posts], limitMs, { ...waves, learned: () => limitsAreBelow(proxy, limitMs) });
  await expectPromises(gets, posts, () => linesOf(server.log));
  for (const limit of idleLimits(proxy)) expect(limit).toBeLessThan(limitMs);
}

/** Milliseconds that each backend lets a connection to its first origin be idle. */
export function idleLimits({ backends }: Proxy): number[] {
  return backends.map((backend) => backend.stats().origins[0]?.idleLimitMs.effective ?? Number.NaN);
}

export function limitsAreBelow(proxy: Proxy, limitMs: number): boolean {
  return idleLimits(proxy).every((limit) => limit < limitMs);
}
