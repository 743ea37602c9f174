/** Decides how long a fuzz test lasts and which cases it tries, and ends it if something hangs or an error escapes. */

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Worker } from 'node:worker_threads';
import { onTestFinished } from 'vitest';

/** Time for each of the two fuzz tests. `npm run fuzz -- --seconds N` gives them more. */
export const SECONDS = Number(process.env.FUZZ_SECONDS ?? 5);

const HUNG_MS = 30_000;
const WAY_TO_REPLAY = (seed: number) => `replay it by: npm run fuzz -- --case ${seed}`;

/** The numbers of the cases to try until the time is over; or only the one to replay. */
export function* seeds(seconds: number = SECONDS): Generator<number> {
  const only = process.env.FUZZ_CASE;
  if (only !== undefined) {
    yield Number(only);
    return;
  }
  const first = Number(process.env.FUZZ_SEED ?? Date.now() % 2 ** 32);
  const end = performance.now() + seconds * 1000;
  for (let seed = first; performance.now() < end; seed += 1) yield seed % 2 ** 32;
}

/** The test tells the guard that a case begins. */
export function begin(seed: number): void {
  watched?.begin(seed);
}

/** Runs a case. An error says how to replay it. */
export function tried<T>(seed: number, call: () => T): T {
  begin(seed);
  try {
    return call();
  } catch (error) {
    throw new Error(`case ${seed}: ${error instanceof Error ? error.message : error}; ${WAY_TO_REPLAY(seed)}`, {
      cause: error,
    });
  }
}

let watched: Watch | undefined;

/** A thread that ends this process if a case never ends. There is no other way to end a loop that never yields. */
class Watch {
  readonly #shared = new Int32Array(new SharedArrayBuffer(8));
  readonly #worker: Worker;

  constructor() {
    this.#worker = new Worker(
      `const { workerData: { shared, hungMs, pid } } = require('node:worker_threads');
      let last = -1;
      setInterval(() => {
        const count = Atomics.load(shared, 0);
        if (count === last) {
          require('node:fs').writeSync(2, 'fuzz: case ' + (Atomics.load(shared, 1) >>> 0) + ' hangs\\n');
          process.kill(pid, 'SIGKILL');
        }
        last = count;
      }, hungMs);`,
      { eval: true, execArgv: [], workerData: { shared: this.#shared, hungMs: HUNG_MS, pid: process.pid } },
    );
    this.#worker.unref();
  }

  begin(seed: number): void {
    Atomics.store(this.#shared, 1, seed | 0);
    Atomics.add(this.#shared, 0, 1);
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }
}

/** Guards the test. Returns the list of errors that escape to the process; the fuzz ends with the first. */
export function guard(): readonly unknown[] {
  const escaped: unknown[] = [];
  const note = (error: unknown) => void escaped.push(error);
  const watch = new Watch();
  watched = watch;
  process.on('uncaughtException', note);
  process.on('unhandledRejection', note);
  onTestFinished(async () => {
    watched = undefined;
    process.off('uncaughtException', note);
    process.off('unhandledRejection', note);
    await watch.end();
  });
  return escaped;
}

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

/** Bytes of memory in use after a garbage collection. */
export function memoryInUse(): number {
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
