/** What the tests in front of real servers have in common. */

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

/** `close` is called when the test is over, in the reverse order of these calls. */
export function atEnd(close: () => unknown): void {
  closing.push(close);
}

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** The file of a program, in the folders that Debian uses. */
export function findProgram(name: string, versionFlag = '-v'): string | undefined {
  return [name, `/usr/sbin/${name}`].find((file) => spawnSync(file, [versionFlag]).status === 0);
}

/** Tests that need a program. Without it they are skipped by name, or fail if REQUIRE_REAL_SERVERS is 1. */
export function describeWith(file: string | undefined, program: string, name: string, tests: (file: string) => void) {
  if (file !== undefined) describe(name, () => tests(file));
  else if (required) test(`${name}: ${program} is installed`, () => expect.unreachable(`${program} is not installed`));
  else test.skip(`${name}: ${program} is not installed`, () => undefined);
}

/** A folder for this test. It is removed with the test. */
export function ownFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'pooled-backend-real-'));
  chmodSync(folder, 0o755); // servers that root starts run as another user
  atEnd(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export interface Running {
  kill(signal: NodeJS.Signals): void;
}

/** Starts a program in the foreground. It is ended with the test, by its pid. Resolves when it accepts on `port`. */
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

/** A Node server in its own process. */
export interface NodeOrigin {
  readonly port: number;
  /** Kills it, and starts it again on the same port. */
  restart(): Promise<void>;
}

/** Starts node:http with its defaults. It writes each request that it executes into `log`, as `METHOD path`. */
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

/** Restarts origins one after the other, each twice, and each after the one before is in use again: so no request meets two deaths. */
export async function restartInTurn(origins: readonly NodeOrigin[], { backends }: Proxy): Promise<void> {
  for (const place of [...origins.keys(), ...origins.keys()]) {
    await origins[place]?.restart();
    const back = () => backends.every((backend) => isBack(backend.stats().origins[place]));
    await vi.waitFor(() => expect(back()).toBe(true), { timeout: PATIENCE_MS });
  }
}

/** Whether the origin is in use again. (An ejected origin is not dialled for `minConnections`.) */
function isBack(origin: OriginStats | undefined): boolean {
  return origin !== undefined && (origin.connections.open > 0 || origin.health.state === 'ejected');
}

/** Lines of a log. The file is made with its first line. */
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
  /** One backend for each mode, on the paths `/mode/…`. */
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
  server.keepAliveTimeout = 60_000; // longer than the load is idle, so that the server closes no client's connection
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
  /** Sends `requests` requests in all, one after the other on each connection. */
  count(requests: number): Promise<Done>;
  for(seconds: number): Promise<Done>;
  /** All results so far. */
  readonly done: { requests: number; errors: Record<string, number> };
}

/** Starts keep-alive clients in their own process: a close meets a request only if another process keeps the proxy busy. */
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
  /** Waves after pauses in which a close may meet the next wave. */
  readonly races?: number;
  /** Waves after longer pauses, from which the limit can be learned. */
  readonly lessons?: number;
  /** More lessons follow until this returns true: on a loaded machine, closes are seen at different ages. */
  readonly learned: () => boolean;
}

const MOST_LESSONS = 12;

/** Sends waves of requests, with pauses about as long as the origin keeps idle connections. */
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

/** Checks what must hold in front of any server. `executed` reads the server's own lines, `METHOD path`. */
export async function expectPromises(gets: Load, posts: Load, executed: () => readonly string[]): Promise<void> {
  const ofPosts = await executedPosts(executed, posts.done.requests);
  const twice = ofPosts.filter((line, place) => ofPosts.indexOf(line) !== place);
  expect(gets.done.errors).toEqual({});
  expect(twice).toEqual([]);
  expect(posts.done.requests).toBeGreaterThan(0);
}

/** The POSTs of a log, once there are `answered` of them: a server writes its line after the answer, or later while it ends. */
export async function executedPosts(executed: () => readonly string[], answered: number): Promise<readonly string[]> {
  const posts = () => executed().filter((line) => line.startsWith('POST'));
  await vi.waitFor(() => expect(posts().length).toBeGreaterThanOrEqual(answered), { timeout: PATIENCE_MS });
  await sleep(200); // time for one more line, if a POST was executed twice
  return posts();
}

/** Clients load `port` for a minimum time while something happens to the servers behind it. No promise may be broken. */
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

/** In front of a server that closes connections after `limitMs` idle, no promise may be broken, and the learned limit must be shorter. */
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

/** How many milliseconds each backend lets a connection to its first origin be idle. */
export function idleLimits({ backends }: Proxy): number[] {
  return backends.map((backend) => backend.stats().origins[0]?.idleLimitMs.effective ?? Number.NaN);
}

export function limitsAreBelow(proxy: Proxy, limitMs: number): boolean {
  return idleLimits(proxy).every((limit) => limit < limitMs);
}
