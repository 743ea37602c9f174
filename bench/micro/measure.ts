/** How long a piece of the hot path takes, and how much it allocates. */

/** One piece of code. */
export interface Case {
  readonly name: string;
  /** Runs it `times` times, in a loop of its own, so that it is compiled as in real use. */
  run(times: number): void | Promise<void>;
}

export interface Measured {
  readonly name: string;
  /** Nanoseconds: the fastest tenth of the samples, because other work on the machine can only add time; and the median. */
  readonly best: number;
  readonly median: number;
  readonly bytes: number;
}

const SAMPLE_NS = 300_000n;
const SAMPLES = 300;
const HEAP_SAMPLES = 40;
const HEAP_TIMES = 200;

export async function measure({ name, run }: Case): Promise<Measured> {
  const times = await calibrate(run);
  const samples: number[] = [];
  while (samples.length < SAMPLES) samples.push(Number(await timed(run, times)) / times);
  return { name, best: quantile(samples, 0.1), median: quantile(samples, 0.5), bytes: await allocated(run) };
}

async function timed(run: Case['run'], times: number): Promise<bigint> {
  const start = process.hrtime.bigint();
  await run(times);
  return process.hrtime.bigint() - start;
}

/** Chooses how many runs make a sample: long compared with the clock, and short compared with a time slice of the scheduler. */
async function calibrate(run: Case['run']): Promise<number> {
  for (let round = 0; round < 200; round += 1) await run(100);
  let times = 16;
  while ((await timed(run, times)) < SAMPLE_NS) times *= 2;
  return times;
}

/** Bytes of heap for one run. A collection in between would give a negative number, so the median is used. */
async function allocated(run: Case['run']): Promise<number> {
  const samples: number[] = [];
  while (samples.length < HEAP_SAMPLES) {
    const before = process.memoryUsage().heapUsed;
    await run(HEAP_TIMES);
    samples.push((process.memoryUsage().heapUsed - before) / HEAP_TIMES);
  }
  return Math.max(0, quantile(samples, 0.5));
}

function quantile(samples: readonly number[], share: number): number {
  return samples.toSorted((a, b) => a - b)[Math.floor((samples.length - 1) * share)] ?? 0;
}
